// mrjobs: the project's own jobs as one bundle.
#include "worker/bundle/bundle_main.h"

int main(int argc, char** argv) { return millrace::BundleMain(argc, argv); }
