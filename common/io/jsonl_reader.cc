#include "common/io/jsonl_reader.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace millrace::io {
namespace {

using Json = nlohmann::json;
constexpr size_t kMaxDepth = 200;

bool IsBlank(std::string_view line) { return StripBlanks(line).empty(); }

}  // namespace

// Gets the events of nlohmann's parser: keeps the wanted members of the top object and of objects in it.
class JsonlReader::Handler : public nlohmann::json_sax<Json> {
 public:
  explicit Handler(JsonlReader* reader) : reader_(reader) {}
  const std::string& problem() const { return problem_; }

  bool null() override { return Value(JsonField::Kind::kMissing, ""); }
  bool boolean(bool value) override { return Value(JsonField::Kind::kBool, value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override {
    return Value(JsonField::Kind::kNumber, StrCat(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return Value(JsonField::Kind::kNumber, StrCat(value));
  }
  bool number_float(number_float_t, const string_t& digits) override {
    return Value(JsonField::Kind::kNumber, digits);
  }
  bool string(string_t& value) override { return Value(JsonField::Kind::kText, value); }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override {
    if (depth_ == 0) {
      ++depth_;
      return true;
    }
    return CheckNested("an object") && Open();
  }
  bool key(string_t& name) override {
    if (arrays_ > 0) return true;
    path_.resize(path_ends_.empty() ? 0 : path_ends_.back());
    if (!path_.empty()) path_.push_back('.');
    path_.append(name);
    return true;
  }
  bool end_object() override {
    Close();
    return true;
  }
  bool start_array(std::size_t) override {
    if (depth_ == 0) return Problem("the line is not a JSON object");
    if (!CheckNested("a list")) return false;
    ++arrays_;
    return Open();
  }
  bool end_array() override {
    --arrays_;
    Close();
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 5: syntax error while ...": the end of
    // it.
    std::string_view what = error.what();
    if (const size_t colon = what.find(": "); colon != what.npos) what.remove_prefix(colon + 2);
    return Problem(StrCat("not JSON, at byte ", position, " of the line: ", what));
  }

 private:
  bool Problem(std::string text) {
    problem_ = std::move(text);
    return false;
  }
  bool CheckNested(std::string_view what) {
    const auto& wanted = reader_->wanted_;
    if (arrays_ > 0 || std::find(wanted.begin(), wanted.end(), path_) == wanted.end()) return true;
    return Problem(
        StrCat("member ", Quote(path_), " is ", what, "; only texts, numbers, true and false can be read"));
  }
  bool Open() {
    if (++depth_ > kMaxDepth) return Problem(StrCat("nested more than ", kMaxDepth, " deep"));
    path_ends_.push_back(path_.size());
    return true;
  }
  void Close() {
    --depth_;
    if (path_ends_.empty()) return;
    path_.resize(path_ends_.back());
    path_ends_.pop_back();
  }
  bool Value(JsonField::Kind kind, std::string_view text) {
    if (depth_ == 0) return Problem("the line is not a JSON object");
    if (arrays_ > 0) return true;
    for (size_t i = 0; i < reader_->wanted_.size(); ++i) {
      if (reader_->wanted_[i] != path_) continue;
      if (reader_->seen_[i]) return Problem(StrCat("member ", Quote(path_), " stands twice"));
      reader_->seen_[i] = true;
      reader_->fields_[i].kind = kind;
      reader_->texts_[i].assign(text);
    }
    return true;
  }

  JsonlReader* reader_;
  std::string problem_;
  std::string path_;               // of the member at hand
  std::vector<size_t> path_ends_;  // length of the path of every open object or array below the top
  size_t depth_ = 0, arrays_ = 0;
};

JsonlReader::JsonlReader(const pb::FileSource& source, int split, std::vector<std::string> wanted,
                         const ReaderLimits& limits, BadRecordFn on_bad)
    : wanted_(std::move(wanted)),
      on_bad_(on_bad),
      lines_(source, split, limits, std::move(on_bad)),
      fields_(wanted_.size()),
      texts_(wanted_.size()),
      seen_(wanted_.size()) {}

JsonlReader::~JsonlReader() = default;

bool JsonlReader::Next() {
  while (status_.ok() && !stopped_ && lines_.Next()) {
    std::string_view line = lines_.line();
    if (lines_.at_file_start() && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    if (IsBlank(line)) continue;
    std::fill(fields_.begin(), fields_.end(), JsonField{});
    std::fill(seen_.begin(), seen_.end(), 0);
    Handler handler(this);
    if (Json::sax_parse(line.begin(), line.end(), &handler)) {
      for (size_t i = 0; i < wanted_.size(); ++i) {
        if (!fields_[i].missing()) fields_[i].text = texts_[i];
      }
      ++records_;
      return true;
    }
    ++bad_records_;
    const std::string message = StrCat(Where(), ": ", handler.problem());
    if (!on_bad_) status_ = InvalidArgument(message);
    stopped_ = !on_bad_ || !on_bad_(message, raw());
  }
  return false;
}

std::string JsonlReader::Where() const { return lines_.Where(); }
std::string JsonlReader::Where(size_t i) const { return StrCat(lines_.Where(), ", member ", wanted_[i]); }

namespace {

using OrderedJson = nlohmann::ordered_json;  // members as they stand in the file

void CollectMembers(const OrderedJson& object, const std::string& prefix, size_t depth,
                    std::vector<std::string>* names) {
  for (const auto& item : object.items()) {
    const std::string name = prefix + item.key();
    if (item.value().is_object() && depth < 8) {
      CollectMembers(item.value(), name + ".", depth + 1, names);
    } else if (std::find(names->begin(), names->end(), name) == names->end() && names->size() < 1000) {
      names->push_back(name);
    }
  }
}

}  // namespace

std::vector<std::string> SampleMembers(const pb::FileSource& source, size_t max_lines) {
  std::vector<std::string> names;
  for (int split = 0; split < source.splits_size() && max_lines > 0; ++split) {
    LineReader lines(source, split, ReaderLimits{}, [](std::string, std::string_view) { return true; });
    for (; max_lines > 0 && lines.Next(); --max_lines) {
      const auto parsed =
          OrderedJson::parse(lines.line().begin(), lines.line().end(), nullptr, /*allow_exceptions=*/false);
      if (parsed.is_object()) CollectMembers(parsed, "", 0, &names);
    }
  }
  return names;
}

}  // namespace millrace::io
