// The main function of every bundle.
#pragma once

namespace millrace {

// BUNDLE JOB --name=value ...    runs the job in this process (local mode)
// BUNDLE plan JOB ...            prints its plan
// BUNDLE describe [JOB|--json]   its jobs and their options
// BUNDLE __executor --fd=N       an executor of a worker
// BUNDLE --version | --help
int BundleMain(int argc, char** argv);

}  // namespace millrace
