// A job in memory with a folder for its input, for tests of the pipeline.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "common/pipeline/pipeline.h"
#include "common/pipeline/testing/in_memory_link.h"

namespace millrace {

class PipelineTest : public ::testing::Test {
 protected:
  PipelineTest() : job_(link_) {
    char name[] = "/tmp/millrace_pipeline_XXXXXX";
    folder_ = ::mkdtemp(name);
    job_.mutable_settings().output = "/out";
  }
  std::string File(const std::string& name, const std::string& text) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  testing::InMemoryLink link_;
  Job job_;
  std::string folder_;
};

}  // namespace millrace
