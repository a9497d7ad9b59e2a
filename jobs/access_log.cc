// What a web server's log tells: hits per status, method, host, path and hour, and totals.
//
//   mrsubmit run --local access-log --input=access.log --output=log --format=combined
//
// --format=combined is Apache's: host, identity, user, [time], "request", status, bytes, and whatever
// follows; a backslash escapes a quote. --format=nasa is tab-separated: host, logname, Unix time, method,
// url, status, bytes, with a header line. Lines of another shape are counted, and those that come most often
// are named in summary.json.
//
// Output: status/, methods/, hours/, hosts/, paths/ (value, hits; hosts and paths only the --top ones, most
// hits first, equal ones in byte order), summary.json.
//
// Stages, for n lines with d distinct values: one pass that parses, adds up and counts in combiners (at most
// d records per split are shuffled, 20 bytes and the value each); one pass over the d counts per table.
// Memory: that of a slot. The driver gets all statuses, methods and hours, which stand in summary.json, and
// of hosts and paths the --top best of each 65,536.
#include <nlohmann/json.hpp>

#include <optional>

#include "common/pipeline/pipeline.h"

namespace millrace {

struct AccessLogOptions : CommonOptions {
  std::string format = "combined";
  uint32_t top = 20;
};
MR_OPTIONS(AccessLogOptions, MR_OPTION(format, "combined|nasa", "The shape of a line"),
           MR_OPTION(top, "integer", "Hosts and paths that are listed"))

namespace {

enum Dimension : uint32_t { kStatus, kMethod, kHour, kHost, kPath, kTotals, kUnparsed };

constexpr size_t kUnparsedBytes = 200;  // of a line that is shown

struct Hit {
  std::string_view host, method, path, status;
  std::string hour;
  uint64_t bytes = 0;
  bool has_bytes = false;
};

// One value of one dimension. Totals are values of kTotals: lines, bytes and so on.
struct Count {
  uint32_t dimension = 0;
  std::string value;
  uint64_t hits = 0;
};
MR_RECORD(Count, MR_NAMED(dimension), MR_NAMED(value), MR_NAMED(hits))

struct ValueHits {
  std::string value;
  uint64_t hits = 0;
};
MR_RECORD(ValueHits, MR_NAMED(value), MR_NAMED(hits))

// Cuts the text before `stop` from the front of `rest`, with it; nothing when it is not there.
std::optional<std::string_view> Cut(std::string_view* rest, std::string_view stop) {
  const size_t at = rest->find(stop);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view text = rest->substr(0, at);
  rest->remove_prefix(at + stop.size());
  return text;
}

// What stands between here and the next quote that no backslash escapes.
std::optional<std::string_view> CutQuoted(std::string_view* rest) {
  for (size_t i = 0; i < rest->size(); ++i) {
    if ((*rest)[i] == '\\') {
      ++i;
    } else if ((*rest)[i] == '"') {
      const std::string_view text = rest->substr(0, i);
      rest->remove_prefix(i + 1);
      return text;
    }
  }
  return std::nullopt;
}

bool SetBytes(std::string_view text, Hit* hit) {
  hit->has_bytes = text != "-";
  return !hit->has_bytes || ParseInt(text, &hit->bytes);
}

std::optional<Hit> ParseCombined(std::string_view line) {
  constexpr size_t kHourBytes = 14;  // 17/May/2015:10
  Hit hit;
  const auto host = Cut(&line, " ");
  if (!host || !Cut(&line, "[")) return std::nullopt;
  const auto time = Cut(&line, "]");
  if (!time || time->size() < kHourBytes || !Cut(&line, "\"")) return std::nullopt;
  const auto request = CutQuoted(&line);
  if (!request || line.empty() || line[0] != ' ') return std::nullopt;
  line.remove_prefix(1);
  hit.host = *host;
  hit.hour = time->substr(0, kHourBytes);
  std::string_view words = *request;
  hit.method = Cut(&words, " ").value_or(words);
  if (hit.method.data() != words.data()) hit.path = Cut(&words, " ").value_or(words);
  const auto status = Cut(&line, " ");
  if (!status || status->empty()) return std::nullopt;
  hit.status = *status;
  if (!SetBytes(Cut(&line, " ").value_or(line), &hit)) return std::nullopt;
  return hit;
}

std::optional<Hit> ParseNasa(std::string_view line) {
  std::string_view fields[7];
  for (int i = 0; i < 6; ++i) {
    const auto field = Cut(&line, "\t");
    if (!field) return std::nullopt;
    fields[i] = *field;
  }
  fields[6] = Cut(&line, "\t").value_or(line);
  uint64_t seconds = 0;
  if (!ParseInt(fields[2], &seconds)) return std::nullopt;
  Hit hit{fields[0], fields[3], fields[4], fields[5], std::to_string(seconds / 3600)};
  if (!SetBytes(fields[6], &hit)) return std::nullopt;
  return hit;
}

void CountLine(bool nasa, std::string_view line, Emitter<Count>& out) {
  if (nasa && line.starts_with("host\tlogname\ttime")) return;
  const auto total = [&out](const char* name, uint64_t n) { out({kTotals, name, n}); };
  total("lines", 1);
  const std::optional<Hit> hit = nasa ? ParseNasa(line) : ParseCombined(line);
  if (!hit) {
    total("unparsed", 1);
    return out({kUnparsed, std::string(line.substr(0, kUnparsedBytes)), 1});
  }
  total("bytes", hit->bytes);
  if (!hit->has_bytes) total("no_bytes", 1);
  out({kStatus, std::string(hit->status), 1});
  out({kMethod, std::string(hit->method), 1});
  out({kHour, hit->hour, 1});
  out({kHost, std::string(hit->host), 1});
  out({kPath, std::string(hit->path), 1});
}

bool MoreHits(const ValueHits& a, const ValueHits& b) {
  return a.hits != b.hits ? a.hits > b.hits : a.value < b.value;
}

void KeepTop(uint32_t top, std::vector<ValueHits>* values) {
  std::sort(values->begin(), values->end(), MoreHits);
  if (values->size() > top) values->resize(top);
}

Dataset<ValueHits> Of(const Dataset<Count>& counts, uint32_t dimension) {
  return counts
      .Filter(With(dimension), [](uint32_t wanted, const Count& count) { return count.dimension == wanted; })
      .Map([](const Count& count) {
        return ValueHits{count.value, count.hits};
      });
}

// The best of every batch, then of those.
std::vector<ValueHits> Top(const Dataset<ValueHits>& values, uint32_t top) {
  std::vector<ValueHits> best =
      values
          .MapBatch<ValueHits>(
              65536, With(top),
              [](uint32_t n, std::span<const ValueHits> batch, Emitter<ValueHits>& out) {
                std::vector<ValueHits> kept(batch.begin(), batch.end());
                KeepTop(n, &kept);
                for (const ValueHits& value : kept) out(value);
              },
              "Top")
          .Collect();
  KeepTop(top, &best);
  return best;
}

nlohmann::ordered_json AsObject(const std::vector<ValueHits>& values) {
  auto object = nlohmann::ordered_json::object();
  for (const ValueHits& value : values) object[value.value] = value.hits;
  return object;
}

nlohmann::ordered_json AsList(const std::vector<ValueHits>& values) {
  auto list = nlohmann::ordered_json::array();
  for (const ValueHits& value : values) list.push_back({value.value, value.hits});
  return list;
}

nlohmann::ordered_json Values(const std::vector<ValueHits>& values) {
  auto list = nlohmann::ordered_json::array();
  for (const ValueHits& value : values) list.push_back(value.value);
  return list;
}

}  // namespace

void AccessLog(Job& job, const AccessLogOptions& options) {
  const bool nasa = options.format == "nasa";
  const Dataset<Count> counts =
      job.ReadText(options.input)
          .FlatMap<Count>(
              With(nasa),
              [](bool is_nasa, std::string_view line, Emitter<Count>& out) { CountLine(is_nasa, line, out); },
              "Parse")
          .KeyBy([](const Count& count) { return std::tuple(count.dimension, count.value); },
                 [](const Count& count) { return count.hits; })
          .InKeyOrder()
          .ReduceByKey(Sum{}, "Count")
          .Pairs()
          .Map([](const KeyValue<std::tuple<uint32_t, std::string>, uint64_t>& pair) {
            return Count{std::get<0>(pair.key), std::get<1>(pair.key), pair.value};
          })
          .Cache();
  std::map<std::string, uint64_t> totals;
  for (const ValueHits& total : Of(counts, kTotals).Collect()) totals[total.value] = total.hits;

  for (const auto& [name, dimension] : {std::pair("status", kStatus), {"methods", kMethod}, {"hours", kHour}})
    Of(counts, dimension).Write(StrCat(options.output, "/", name));
  const std::vector<ValueHits> hours = Of(counts, kHour).Collect();
  const std::vector<ValueHits> hosts = Top(Of(counts, kHost), options.top);
  const std::vector<ValueHits> paths = Top(Of(counts, kPath), options.top);
  job.Values<ValueHits>(hosts).Write(options.output + "/hosts");
  job.Values<ValueHits>(paths).Write(options.output + "/paths");

  nlohmann::ordered_json summary;
  summary[nasa ? "rows" : "lines"] = totals["lines"];
  summary["unparsed"] = totals["unparsed"];
  summary["unparsed_lines"] = Values(Top(Of(counts, kUnparsed), options.top));
  summary["status"] = AsObject(Of(counts, kStatus).Collect());
  summary["methods"] = AsObject(Of(counts, kMethod).Collect());
  summary["hosts"] = Of(counts, kHost).Count();
  summary["hours"] = hours.size();
  summary["bytes"] = totals["bytes"];
  summary["no_bytes"] = totals["no_bytes"];
  summary[nasa ? "hits_per_unix_hour" : "hits_per_hour"] = AsObject(hours);
  summary[StrCat("top_", options.top, "_hosts")] = AsList(hosts);
  summary[StrCat("top_", options.top, nasa ? "_urls" : "_paths")] = AsList(paths);
  job.WriteFile("summary.json",
                summary.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}
MR_JOB("access-log", AccessLog, "Hits per status, method, hour, host and path of a web server's log")

}  // namespace millrace
