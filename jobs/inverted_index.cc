// In which lines every word occurs: `word TAB 3,17,240` in byte order of the words.
//
//   mrsubmit run --local inverted-index --input=book.txt --output=index
//
// Lines are numbered from 1 over the whole input (files by path, then by place), each is named once per word.
// summary.json: documents (lines), terms (words), postings (lines of all words), bytes of the index, and the
// ten longest_lists. An input without any word has an index without any line.
//
// Stages, for n lines of w distinct words each: a count of the lines per split (reads the input, shuffles
// nothing); lists of the words of a split, in pieces of up to 8 MiB (n w numbers of up to 9 digits are
// shuffled, and each word once per piece, range-partitioned by word); one list per word, kept on the workers
// and read twice. Memory: the pieces; and a word's list is one record that has to fit --max-record-bytes: 16
// MiB are about two million lines; leave out words that are everywhere, or raise the limit.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/lookup.h"
#include "jobs/ml/tokenizer.h"

namespace millrace {

struct InvertedIndexOptions : CommonOptions {
  std::string tokens = "ascii";
};
MR_OPTIONS(InvertedIndexOptions, MR_OPTION(tokens, "white|ascii|unicode", "What a word is"))

struct PostingList {
  std::string word;
  std::string lines;  // 3,17,240
};
MR_RECORD(PostingList, MR_NAMED(word), MR_NAMED(lines))

// The lists of some lines on end, in the order in which their words came.
class Lists {
 public:
  void Add(const std::string& tokens, const Numbered<std::string_view>& line, Emitter<PostingList>& out) {
    const uint64_t number = line.row + 1;
    ml::Tokens(tokens, line.record, [&](std::string_view word) {
      uint32_t at = numbers_.Find(word);
      if (at == ml::TextLookup::kNone) {
        at = static_cast<uint32_t>(lists_.size());
        numbers_.Add(word, at);
        lists_.push_back({std::string(word), {}});
        last_.push_back(0);
        bytes_ += word.size() + 2 * sizeof(PostingList);
      }
      if (last_[at] == number) return;
      last_[at] = number;
      std::string& lines = lists_[at].lines;
      bytes_ -= lines.size();
      if (!lines.empty()) lines.push_back(',');
      AppendUint(number, &lines);
      bytes_ += lines.size();
    });
    if (bytes_ >= kPieceBytes) Flush(out);
  }
  void Flush(Emitter<PostingList>& out) {
    for (const PostingList& list : lists_) out(list);
    *this = Lists();
  }

 private:
  static constexpr uint64_t kPieceBytes = 8 << 20;
  ml::TextLookup numbers_;  // of the words
  std::vector<PostingList> lists_;
  std::vector<uint64_t> last_;  // line
  uint64_t bytes_ = 0;
};

struct ListLength {
  std::string word;
  uint64_t lines = 0;
};
MR_RECORD(ListLength, MR_NAMED(word), MR_NAMED(lines))

struct IndexFacts {
  uint64_t terms = 0, postings = 0, bytes = 0;
  std::vector<ListLength> longest;  // equal ones by word
};
MR_RECORD(IndexFacts, MR_NAMED(terms), MR_NAMED(postings), MR_NAMED(bytes), MR_NAMED(longest))

IndexFacts FactsOf(const PostingList& list) {
  const auto lines = static_cast<uint64_t>(std::count(list.lines.begin(), list.lines.end(), ',')) + 1;
  return {1, lines, list.word.size() + list.lines.size() + 2, {{list.word, lines}}};
}

struct AddFacts {
  void operator()(IndexFacts& into, const IndexFacts& more) const {
    constexpr size_t kShown = 10;
    into.terms += more.terms;
    into.postings += more.postings;
    into.bytes += more.bytes;
    into.longest.insert(into.longest.end(), more.longest.begin(), more.longest.end());
    std::sort(into.longest.begin(), into.longest.end(), [](const ListLength& a, const ListLength& b) {
      return std::tie(b.lines, a.word) < std::tie(a.lines, b.word);
    });
    if (into.longest.size() > kShown) into.longest.resize(kShown);
  }
};

std::string Summary(uint64_t documents, const IndexFacts& facts) {
  nlohmann::ordered_json summary = {{"documents", documents},
                                    {"terms", facts.terms},
                                    {"postings", facts.postings},
                                    {"bytes", facts.bytes},
                                    {"longest_lists", nlohmann::ordered_json::array()}};
  for (const ListLength& list : facts.longest) summary["longest_lists"].push_back({list.word, list.lines});
  return summary.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

void InvertedIndex(Job& job, const InvertedIndexOptions& options) {
  const auto lines = job.ReadText(options.input);
  const std::vector<uint64_t> per_task = lines.CountPerTask();
  const auto index =
      lines.WithRowNumber(per_task)
          .Accumulate<PostingList, Lists>(
              With(options.tokens),
              [](const std::string& tokens, Lists& lists, const Numbered<std::string_view>& line,
                 Emitter<PostingList>& out) { lists.Add(tokens, line, out); },
              [](const std::string&, Lists& lists, Emitter<PostingList>& out) { lists.Flush(out); }, "Lists")
          .KeyBy([](const PostingList& list) { return list.word; },
                 [](const PostingList& list) { return list.lines; })
          .InKeyOrder()
          .GroupByKey<PostingList>(
              [](const std::string& word, Rows<std::string> pieces, Emitter<PostingList>& out) {
                PostingList list{word, {}};
                for (const std::string& lines : pieces) {
                  if (!list.lines.empty()) list.lines.push_back(',');
                  list.lines += lines;
                }
                out(list);
              },
              "List")
          .Cache();
  index.Write(options.output, {.format = "tsv"});
  const IndexFacts facts =
      index.Map([](const PostingList& list) { return FactsOf(list); }, "Facts").Aggregate(AddFacts{});
  job.WriteFile("summary.json",
                Summary(std::accumulate(per_task.begin(), per_task.end(), uint64_t{0}), facts));
}
MR_JOB("inverted-index", InvertedIndex, "In which lines of a text every word occurs")

}  // namespace millrace
