// In which lines every word occurs: `word TAB 3,17,240` in byte order of the words.
//
//   mrsubmit run --local inverted-index --input=book.txt --output=index
//
// Lines are numbered from 1 over the whole input (files by path, then by place), each is named once per word.
//
// Stages, for n lines of w distinct words each: a count of the lines per split (reads the input, shuffles
// nothing); split the lines into words (n w pairs of about 12 bytes and the word are shuffled,
// range-partitioned by word); one list per word. Memory: a word's list is one record and has to fit
// --max-record-bytes: 16 MiB are about two million lines; leave out words that are everywhere, or raise the
// limit.
#include <algorithm>

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

void InvertedIndex(Job& job, const InvertedIndexOptions& options) {
  job.ReadText(options.input)
      .WithRowNumber()
      .FlatMap<Posting>(
          With(options.tokens),
          [](const std::string& tokens, const Numbered<std::string_view>& line, Emitter<Posting>& out) {
            EmitPostings(tokens, line, out);
          },
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
      .Write(options.output, {.format = "tsv"});
}
MR_JOB("inverted-index", InvertedIndex, "In which lines of a text every word occurs")

}  // namespace millrace
