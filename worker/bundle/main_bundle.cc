// main() of a bundle: linked as an object, so that a bundle lists its job files only.
#include "worker/bundle/bundle_main.h"

int main(int argc, char** argv) { return millrace::BundleMain(argc, argv); }
