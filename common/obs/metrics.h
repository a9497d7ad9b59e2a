// Metrics in the Prometheus text format; prometheus-cpp stays behind metrics.cc.
#pragma once

#include <map>
#include <memory>
#include <string>

namespace millrace {

// A set of named numbers that one page shows. Thread-safe.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  using Labels = std::map<std::string, std::string>;
  // `name` is "millrace_tasks_total"; `help` is used the first time. A counter never falls.
  void SetCounter(const std::string& name, const std::string& help, const Labels& labels, double value);
  void SetGauge(const std::string& name, const std::string& help, const Labels& labels, double value);
  std::string Text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace
