// In which lines every word occurs: `word TAB 3,17,240` in byte order of the words.
//
//   mrsubmit run --local inverted-index --input=book.txt --output=index
//
// Lines are numbered from 1 over the whole input (files by path, then by place), each is named once per word.
// summary.json: documents (lines), terms (words), postings (lines of all words), bytes of the index, and the
// ten longest_lists. An input without any word has an index without any line.
//
// Stages, for n lines of w distinct words each: a count of the lines per split (reads the input, shuffles
// nothing); split the lines into words (n w pairs of about 12 bytes and the word are shuffled,
// range-partitioned by word); one list per word, kept on the workers and read twice. Memory: a word's list is
// one record and has to fit --max-record-bytes: 16 MiB are about two million lines; leave out words that are
// everywhere, or raise the limit.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/tokenizer.h"

namespace millrace {

struct InvertedIndexOptions : CommonOptions {
  std::string tokens = "ascii";
};
MR_OPTIONS(InvertedIndexOptions, MR_OPTION(tokens, "white|ascii|unicode", "What a word is"))

struct Posting {
  std::string_view word;
  uint64_t line = 0;
};
MR_RECORD(Posting, MR_NAMED(word), MR_NAMED(line))

struct PostingList {
  std::string word;
  std::string lines;
};
MR_RECORD(PostingList, MR_NAMED(word), MR_NAMED(lines))

void EmitPostings(const std::string& tokens, const Numbered<std::string_view>& line, Emitter<Posting>& out) {
  std::vector<std::string> words;
  ml::Tokens(tokens, line.record, [&](std::string_view word) { words.emplace_back(word); });
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  for (const std::string& word : words) out({word, line.row + 1});
}

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
  const auto index = lines.WithRowNumber(per_task)
                         .FlatMap<Posting>(
                             With(options.tokens),
                             [](const std::string& tokens, const Numbered<std::string_view>& line,
                                Emitter<Posting>& out) { EmitPostings(tokens, line, out); },
                             "Postings")
                         .KeyBy([](const Posting& posting) { return posting.word; },
                                [](const Posting& posting) { return posting.line; })
                         .InKeyOrder()
                         .GroupByKey<PostingList>(
                             [](std::string_view word, Rows<uint64_t> lines, Emitter<PostingList>& out) {
                               PostingList list{std::string(word), {}};
                               for (const uint64_t line : lines) {
                                 if (!list.lines.empty()) list.lines.push_back(',');
                                 AppendUint(line, &list.lines);
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
