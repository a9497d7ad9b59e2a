// How often every word occurs: `word TAB count` in byte order of the words.
//
//   mrsubmit run --local wordcount --input=book.txt --output=counts --tokens=ascii
//
// --tokens says what a word is (jobs/ml/tokenizer.h): white = what stands between white space, ascii =
// letters A-Z in lower case, unicode = letters of any script in lower case.
//
// Stages, for n lines: one pass that splits and counts in combiners (the distinct words of a split are
// shuffled, range-partitioned: the word and some 5 bytes each); one that adds up. Memory: that of a slot,
// however many words there are.
#include "common/pipeline/pipeline.h"
#include "jobs/ml/tokenizer.h"

namespace millrace {

struct WordCountOptions : CommonOptions {
  std::string tokens = "white";
};
MR_OPTIONS(WordCountOptions, MR_OPTION(tokens, "white|ascii|unicode", "What a word is"))

struct WordCount {
  std::string_view word;
  uint64_t count = 0;
};
MR_RECORD(WordCount, MR_NAMED(word), MR_NAMED(count))

void CountWords(Job& job, const WordCountOptions& options) {
  job.ReadTextBlocks(options.input)
      .FlatMap<std::string_view>(
          With(options.tokens),
          [](const std::string& tokens, const std::string_view& block, Emitter<std::string_view>& out) {
            ml::Tokens(tokens, block, out);
          },
          "Words")
      .KeyBy([](std::string_view word) { return word; }, [](std::string_view) { return uint64_t{1}; })
      .InKeyOrder()
      .ReduceByKey(Sum{}, "Count")
      .Pairs()
      .Map([](const KeyValue<std::string_view, uint64_t>& pair) {
        return WordCount{pair.key, pair.value};
      })
      .Write(options.output, {.format = "tsv"});
}
MR_JOB("wordcount", CountWords, "How often every word of a text occurs")

}  // namespace millrace
