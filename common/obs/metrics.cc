#include "common/obs/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <mutex>

namespace millrace {

struct Metrics::Impl {
  struct Family {
    std::string help;
    prometheus::MetricType type;
    std::map<Labels, double> values;
  };
  mutable std::mutex mutex;
  std::map<std::string, Family> families;  // by name: the page has a fixed order

  Family& Get(const std::string& name, const std::string& help, prometheus::MetricType type) {
    auto [at, made] = families.try_emplace(name, Family{help, type, {}});
    return at->second;
  }
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::SetCounter(const std::string& name, const std::string& help, const Labels& labels,
                         double value) {
  std::lock_guard<std::mutex> lock(impl_->mutex);
  double& stored = impl_->Get(name, help, prometheus::MetricType::Counter).values[labels];
  stored = std::max(stored, value);
}

void Metrics::SetGauge(const std::string& name, const std::string& help, const Labels& labels, double value) {
  std::lock_guard<std::mutex> lock(impl_->mutex);
  impl_->Get(name, help, prometheus::MetricType::Gauge).values[labels] = value;
}

std::string Metrics::Text() const {
  std::vector<prometheus::MetricFamily> families;
  {
    std::lock_guard<std::mutex> lock(impl_->mutex);
    for (const auto& [name, family] : impl_->families) {
      prometheus::MetricFamily out;
      out.name = name, out.help = family.help, out.type = family.type;
      for (const auto& [labels, value] : family.values) {
        prometheus::ClientMetric metric;
        for (const auto& [key, text] : labels) metric.label.push_back({key, text});
        (family.type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
        out.metric.push_back(std::move(metric));
      }
      families.push_back(std::move(out));
    }
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace millrace
