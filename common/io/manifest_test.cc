#include "common/io/manifest.h"

#include <unistd.h>

#include <functional>

#include "common/base/sha256.h"
#include "common/io/publish.h"
#include "common/io/temp_file.h"
#include "common/io/test_files.h"

namespace millrace::io {
namespace {

class ManifestTest : public IoTest {
 protected:
  // A sound output in the folder "out".
  SuccessManifest MakeOutput() {
    SuccessManifest manifest;
    manifest.job = "stock-returns";
    manifest.options = {{"input", "/data/prices.csv"}, {"b", "2"}, {"a", "\xFF"}};
    manifest.counters = {{"rows", -3}};
    LedgerStage map, reduce;
    map.id = 1;
    map.name = "map";
    map.tasks = 2;
    map.reads_files = true;
    map.source_bytes = map.split_bytes = 100;
    map.source_records = 10;
    map.records_sent = 4;
    map.bytes_sent = 44;
    map.operators = {
        {1, "Read", "source", 10, 9, 1}, {2, "Filter", "filter", 9, 5, 4}, {3, "Map", "map", 5, 5, 0}};
    reduce.id = 2;
    reduce.name = "reduce";
    reduce.tasks = 2;
    reduce.inputs = {1};
    reduce.records_received = 4;
    reduce.bytes_received = 44;
    reduce.records_written = 3;
    ManifestTable table;
    table.format = "csv";
    table.columns = {"a", "b"};
    const std::vector<std::pair<uint64_t, std::string>> parts = {{2, "a,b\n1,\"x\ny\"\n3,4\n"},
                                                                 {1, "a,b\n\"\"\"\",6\n"}};
    for (const auto& [records, text] : parts) {
      TempFileOutput file(dir_.File(StrCat("out/part-0000", table.parts.size(), ".csv")), 7);
      file.Write(text.substr(0, 5), 1);
      file.Write(text.substr(5), records - 1);
      TempFileOutput::Closed closed;
      EXPECT_TRUE(file.Close(&closed).ok());
      EXPECT_EQ(closed.sha256, Sha256Hex(text));
      table.parts.push_back(
          {StrCat("part-0000", table.parts.size(), ".csv"), closed.records, closed.bytes, closed.sha256});
      reduce.bytes_written += closed.bytes;
    }
    manifest.ledger = {map, reduce};
    manifest.tables = {table};
    Put("out/_SUCCESS", FormatManifest(manifest));
    return manifest;
  }
  std::string Verify() {
    const auto differences = VerifyOutput(dir_.File("out"));
    if (!differences.ok()) return MessageOf(differences.status());
    std::string out;
    for (const Difference& difference : *differences)
      StrAppend(&out, difference.path, ": ", difference.message, "\n");
    return out;
  }
};

TEST_F(ManifestTest, TextIsDeterministicAndReadsBack) {
  const SuccessManifest manifest = MakeOutput();
  const std::string text = FormatManifest(manifest);
  const auto parsed = ParseManifest(text);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(FormatManifest(*parsed), text);
  EXPECT_EQ(parsed->ledger[0].operators[1].label, "Filter");
  EXPECT_EQ(parsed->tables[0].parts[1].records, 1u);
  EXPECT_EQ(parsed->counters.at("rows"), -3);
  EXPECT_LT(text.find("\"counters\""), text.find("\"job\""));
  EXPECT_LT(text.find("\"job\""), text.find("\"ledger\""));
}

TEST_F(ManifestTest, WhatIsNotAManifestIsRefused) {
  const std::string text = FormatManifest(MakeOutput());
  const auto error = [](const std::string& json) {
    const auto parsed = ParseManifest(json);
    return parsed.ok() ? "" : MessageOf(parsed.status());
  };
  const auto with = [&](std::string from, std::string to) {
    std::string changed = text;
    const size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return changed.replace(at, from.size(), to);
  };
  EXPECT_EQ(error(""), "_SUCCESS is not JSON; was it cut off or edited?");
  EXPECT_EQ(error(text.substr(0, text.size() / 2)), "_SUCCESS is not JSON; was it cut off or edited?");
  EXPECT_EQ(error("[]"), "_SUCCESS is not a manifest: member 'version' is missing");
  EXPECT_EQ(error(with("\"version\": 1", "\"version\": 2")),
            "_SUCCESS has version 2, but this program knows version 1 only");
  EXPECT_EQ(error(with("\"part-00000.csv\"", "\"../part-00000.csv\"")),
            "_SUCCESS is not a manifest: member 'path' leads out of the output");
  EXPECT_EQ(error(with("\"part-00000.csv\"", "\"/etc/passwd\"")),
            "_SUCCESS is not a manifest: member 'path' leads out of the output");
  EXPECT_EQ(error(with("\"records\": 2", "\"records\": -2")),
            "_SUCCESS is not a manifest: member 'records' is not a whole number");
  EXPECT_EQ(error(with("\"tasks\": 2", "\"tasks\": 4294967296")),
            "_SUCCESS is not a manifest: member 'tasks' is too large");
  EXPECT_EQ(error(with("\"tables\"", "\"tabels\"")),
            "_SUCCESS is not a manifest: member 'tables' is missing");
}

TEST_F(ManifestTest, SoundOutputHasNoDifferences) {
  MakeOutput();
  Put("out/_rejects/x.txt", "x");
  EXPECT_EQ(Verify(), "");
}

TEST_F(ManifestTest, ChangedFilesAreFound) {
  MakeOutput();
  Put("out/part-00000.csv", "a,b\n1,\"x\ny\"\n3,5\n");
  EXPECT_TRUE(Verify().starts_with("part-00000.csv: its bytes differ from what was written: SHA-256 "))
      << Verify();
  Put("out/part-00000.csv", "a,b\n1,\"x\ny\"\n3,55\n");
  EXPECT_EQ(Verify(), "part-00000.csv: has 17 bytes, _SUCCESS says 16\n");
  ASSERT_TRUE(RemoveFile(dir_.File("out/part-00000.csv")).ok());
  Put("out/part-00002.csv", "");
  Put("out/sub/x", "");
  EXPECT_EQ(Verify(),
            "part-00000.csv: the part is missing\npart-00002.csv: is not part of this output\n"
            "sub/x: is not part of this output\n");
}

TEST_F(ManifestTest, WrongRecordCountIsFound) {
  SuccessManifest manifest = MakeOutput();
  manifest.tables[0].parts[0].records = 3;
  manifest.ledger[1].records_written = 4;
  Put("out/_SUCCESS", FormatManifest(manifest));
  EXPECT_EQ(Verify(), "part-00000.csv: holds 2 records, _SUCCESS says 3\n");
}

TEST_F(ManifestTest, EveryEquationOfTheLedgerIsChecked) {
  const SuccessManifest good = MakeOutput();
  EXPECT_TRUE(VerifyLedger(good).empty());
  const std::vector<std::function<void(SuccessManifest*)>> faults = {
      [](SuccessManifest* m) { ++m->ledger[0].records_sent; },
      [](SuccessManifest* m) { ++m->ledger[0].bytes_sent; },
      [](SuccessManifest* m) { --m->ledger[1].records_received; },
      [](SuccessManifest* m) { --m->ledger[0].source_bytes; },
      [](SuccessManifest* m) { ++m->ledger[0].operators[0].dropped; },
      [](SuccessManifest* m) { ++m->ledger[0].operators[1].in; },
      [](SuccessManifest* m) { ++m->ledger[0].operators[2].out; },
      [](SuccessManifest* m) { ++m->ledger[1].records_written; },
      [](SuccessManifest* m) { ++m->ledger[1].bytes_written; },
      [](SuccessManifest* m) {
        m->ledger[1].inputs = {9};
        m->ledger[1].records_received = m->ledger[1].bytes_received = 0;
      },
  };
  for (size_t i = 0; i < faults.size(); ++i) {
    SuccessManifest bad = good;
    faults[i](&bad);
    EXPECT_EQ(VerifyLedger(bad).size(), 1u) << i;
  }
}

TEST_F(ManifestTest, NoManifestIsAnError) {
  EXPECT_NE(Verify().find("is not a folder"), std::string::npos) << Verify();
  Put("out/part-00000.csv", "x");
  EXPECT_NE(Verify().find("holds no _SUCCESS"), std::string::npos) << Verify();
}

class TempFileTest : public IoTest {};

TEST_F(TempFileTest, RemovedUnlessClosed) {
  const std::string path = dir_.File("a/b/t.tmp");
  {
    TempFileOutput file(path);
    file.Write("abc", 1);
    EXPECT_TRUE(FileExists(path));
  }
  EXPECT_FALSE(FileExists(path));
  EXPECT_FALSE(TempFileOutput(Put("file", "x") + "/t.tmp").status().ok());
}

// Small and large pieces, hashed by the caller in part or not at all: the digest is that of the file.
TEST_F(TempFileTest, DigestIsOfWhatIsWritten) {
  TempFileOutput file(dir_.File("t"), 100);
  std::string text;
  for (size_t i = 0; i < 300; ++i) {
    const std::string piece(i % 50, static_cast<char>('a' + i % 26));
    const size_t hashed = i % 3 == 0 ? piece.size() / 2 : 0;
    file.hash().Update(std::string_view(piece).substr(0, hashed));
    file.Write(piece, 1, hashed);
    text += piece;
  }
  TempFileOutput::Closed closed;
  ASSERT_TRUE(file.Close(&closed).ok());
  EXPECT_EQ(closed.bytes, text.size());
  EXPECT_EQ(closed.records, 300u);
  EXPECT_EQ(closed.sha256, Sha256Hex(text));
  EXPECT_EQ(*ReadFile(dir_.File("t")), text);
}

TEST_F(TempFileTest, FullDiskIsSaid) {
  ASSERT_EQ(symlink("/dev/full", dir_.File("full").c_str()), 0);
  TempFileOutput file(dir_.File("full"), 10);
  file.Write(std::string(100, 'x'), 1);
  TempFileOutput::Closed closed;
  const absl::Status status = file.Close(&closed);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_FALSE(FileExists(dir_.File("full")));
  EXPECT_TRUE(FileExists("/dev/full"));
}

}  // namespace
}  // namespace millrace::io
