// The driver's side of a job: reads data sets, runs actions.
//
// A job function is ordinary C++ that runs in one place at a time. Nothing is computed until an action; there
// the plan is sent and the function waits. Should the driver die, another one runs the function again and is
// handed the logged results: so everything it does must follow from its options, its inputs and the results
// of its actions. What comes from outside (a listing, a time) goes through Record(). Loop() keeps that log
// short.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/io/splits.h"
#include "common/pipeline/driver_link.h"
#include "common/pipeline/settings.h"
#include "common/plan/graph.h"
#include "common/plan/lower.h"
#include "common/record/row.h"
#include "common/record/schema.h"
#include "proto/task.pb.h"

namespace millrace {

template <typename T>
class Dataset;
struct Table;

// Thrown inside the driver to end the job function; user code lets it pass.
class JobAborted : public std::exception {
 public:
  explicit JobAborted(pb::ErrorInfo error) : error_(std::move(error)) {}
  const char* what() const noexcept override { return error_.message().c_str(); }
  const pb::ErrorInfo& error() const { return error_; }

 private:
  pb::ErrorInfo error_;
};

struct ReadOptions {
  std::string format = {};     // "csv", "tsv", "jsonl", "parquet"; "" = by --input-format or the extension
  std::string delimiter = {};  // "" = by --delimiter
  bool quote = true;           // csv: false takes quotes as ordinary bytes
  uint64_t split_bytes = 0;    // at most that much per task; 0 = by --split-bytes alone
  // Rows that are wanted. Stretches of a Parquet file that cannot have any are not read; rows are not
  // filtered.
  std::vector<io::ColumnRange> ranges = {};
};

struct WriteOptions {
  std::string format = {};  // "csv", "tsv", "jsonl", "parquet", "text", "binary"; "" = by the record type and
                            // --output-format
  std::string extension = {};  // "" = by the format
  // Given: one folder may be written several times, by the steps of a loop say; the parts of this time are
  // numbered from here, behind those of the time before.
  std::optional<uint32_t> first_part = {};
};

struct TableOptions {
  std::vector<std::string> columns = {};  // none = all, in file order; folders named name=value come last
  std::vector<std::string> text = {};     // columns to take as text whatever they look like
  std::vector<Column> types = {};         // columns of a given type; the others' are found
  bool untyped = false;                   // no type is looked for: texts, and from jsonl what stands there
  bool blank_missing = false;             // a field of blanks alone is missing, quoted or not
  uint32_t sample = 0;                    // so many of the first rows are kept in Table::sample
  ReadOptions read = {};
};

class Job {
 public:
  explicit Job(DriverLink& link) : link_(link) {}
  Job(const Job&) = delete;

  // Described records from csv, tsv, jsonl or Parquet; only the described columns are parsed. A Parquet
  // column has to fit its member: whole numbers fit real ones, anything fits a text, texts fit days and
  // instants.
  template <typename T>
  Dataset<T> Read(std::string_view uri, const ReadOptions& options = {});
  // Lines without LF; a CR belongs to its line.
  Dataset<std::string_view> ReadText(std::string_view uri);
  // Runs of whole lines, LF included (the last line of a file may lack it): for scanning many bytes at once.
  Dataset<std::string_view> ReadTextBlocks(std::string_view uri);
  Dataset<std::string_view> ReadFixed(std::string_view uri, uint64_t record_bytes);
  // A csv, tsv, jsonl or Parquet file with columns known at run time (table.cc). Types are found from the
  // first 1,000 records (double or text), or stand in the Parquet file (numbers are double), or in the file
  // --schema where `uri` is the job's --input. Where `uri` is a folder, the folders name=value below it are
  // columns too.
  Table ReadTable(std::string_view uri, const TableOptions& options = {});
  // Records of the driver's own, in `partitions` runs of equal length (one task each).
  template <typename T>
  Dataset<T> Values(const std::vector<T>& records, uint32_t partitions = 1);

  // Calls step(state, i) with i = 0, 1, ... until it returns false, at most `max` times; returns the state.
  // The state (anything that a codec knows, owning its text) is committed after each step and the log before
  // it forgotten: a driver that starts later begins after the last step that was committed. So a step
  // leaves nothing but its state and what it writes: actions that it started are awaited at its end, data
  // sets that it made are not read after it.
  template <typename S, typename Step>
  S Loop(std::string_view name, S state, uint64_t max, Step step);

  // One file of the output beside its tables ("summary.json", "report.html").
  void WriteFile(std::string_view name, std::string_view contents);

  // Logs a value of the outside world: a driver that runs the function again gets the same one.
  std::string Record(std::string_view name, const std::function<std::string()>& make);

  // Ends the job with a sentence: usage error (exit 2) before the first plan was run, job failure after.
  [[noreturn]] void Fail(std::string message);
  [[noreturn]] void Fail(pb::ErrorInfo::Kind kind, std::string message);

  const JobSettings& settings() const { return settings_; }
  JobSettings& mutable_settings() { return settings_; }

  // ---- for Dataset and the bundle ----
  uint32_t StartAction(const plan::ActionSpec& action);
  pb::ActionResult Await(uint32_t action);  // once per action
  pb::ActionResult RunAction(const plan::ActionSpec& action) { return Await(StartAction(action)); }
  // What was started from action `first` on and is not awaited yet.
  void AwaitAll(uint32_t first = 0);
  // Registers a node that remembers what plans did with it (kCache, prepare): a loop carries that over.
  void Note(const plan::NodePtr& node) { notes_.push_back(node); }
  void CheckOwnFolder(const std::string& folder, bool parts_given = false);  // one table per folder
  uint64_t plans_run() const { return plans_run_; }
  const plan::LowerOptions lower_options() const { return LowerOptionsOf(settings_); }
  pb::WriteTarget WriteTargetFor(std::string_view path, const WriteOptions& options,
                                 const char* default_format);

 private:
  std::vector<pb::InputFile> ListFiles(std::string_view uri);
  // `needed`: columns that must be there and, where the format has types, fit theirs (kNull: any).
  plan::NodePtr FilesNode(std::string_view uri, const std::vector<pb::InputFile>& files, std::string format,
                          std::map<std::string, std::string> options, const plan::OperatorSpec& op,
                          const Schema& needed = {}, const ReadOptions& read = {},
                          std::vector<io::TypedColumn>* types = nullptr);
  plan::NodePtr ReadNode(std::string_view uri, const ReadOptions& options, const plan::OperatorSpec& op,
                         const Schema& needed, std::vector<io::TypedColumn>* types = nullptr);
  void CheckColumns(const pb::FileSource& files, const std::vector<std::string>& have,
                    const std::vector<std::string>& wanted);
  void CheckTypes(const pb::FileSource& files, const std::vector<io::TypedColumn>& types,
                  const Schema& needed);
  std::vector<Column> ReadSchemaFile(bool* blank_missing);
  void Prepare(plan::Node& node);
  void ClaimParts(const pb::Stage& stage);
  void Send(pb::ActionRequest request);
  void SendRecord(std::string_view name, std::string recorded, uint32_t loop_first = 0);

  // loop.cc. The state is behind these: encoded into bytes, and taken from them.
  struct LoopCalls {
    std::function<std::string()> encode;
    std::function<bool(const std::string&)> decode;
    std::function<bool(uint64_t)> step;
  };
  void RunLoop(const std::string& name, uint64_t max, const LoopCalls& calls);
  uint32_t CommitStep(pb::LoopState state, uint32_t first_action, size_t first_note);
  pb::LoopState ResumeLoop(const std::string& name, const std::string& committed);

  DriverLink& link_;
  JobSettings settings_;
  plan::Numbering numbering_;
  uint64_t plans_run_ = 0;
  std::vector<std::string> folders_;
  std::set<uint32_t> open_;                       // started, not awaited
  std::set<std::string> shared_;                  // digests of values that were sent
  std::vector<std::weak_ptr<plan::Node>> notes_;  // in the order of their making
};

}  // namespace millrace

#include "common/pipeline/dataset.h"
