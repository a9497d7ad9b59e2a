#include "coordinator/journal/journal.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>

namespace millrace {
namespace {

namespace fs = std::filesystem;

class JournalTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = testing::TempDir() + "journal_" + testing::UnitTest::GetInstance()->current_test_info()->name() +
           "_" + std::to_string(getpid());
    fs::remove_all(dir_);
  }
  void TearDown() override { fs::remove_all(dir_); }

  static pb::JournalEntry Incarnation(uint64_t number) {
    pb::JournalEntry entry;
    entry.set_incarnation(number);
    return entry;
  }
  static std::vector<uint64_t> Read(Journal& journal) {
    std::vector<uint64_t> numbers;
    absl::Status status = journal.Replay([&](const pb::JournalEntry& entry) {
      numbers.push_back(entry.incarnation());
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status.ToString();
    return numbers;
  }
  static std::string Sentence(const absl::Status& status) {
    return {status.message().data(), status.message().size()};
  }
  void Sql(const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open((dir_ + "/journal.sqlite").c_str(), &db), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }
  std::string dir_;
};

TEST_F(JournalTest, AppendsAreReplayedInOrderAfterReopening) {
  for (uint64_t round = 0; round < 3; ++round) {
    auto journal = OpenSqliteJournal(dir_);
    ASSERT_TRUE(journal.ok()) << journal.status().ToString();
    EXPECT_EQ(Read(**journal).size(), round * 2);
    std::vector<pb::JournalEntry> batch = {Incarnation(round * 10 + 1), Incarnation(round * 10 + 2)};
    ASSERT_TRUE((*journal)->Append(batch).ok());
  }
  auto journal = OpenSqliteJournal(dir_);
  EXPECT_EQ(Read(**journal), (std::vector<uint64_t>{1, 2, 11, 12, 21, 22}));
}

TEST_F(JournalTest, LargeEntryKeepsItsBytes) {
  pb::JournalEntry entry;
  std::string bytes(3 << 20, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31);
  entry.mutable_action_done()->add_results(bytes);
  {
    auto journal = OpenSqliteJournal(dir_);
    ASSERT_TRUE((*journal)->Append({&entry, 1}).ok());
  }
  auto journal = OpenSqliteJournal(dir_);
  std::string read;
  ASSERT_TRUE((*journal)
                  ->Replay([&](const pb::JournalEntry& e) {
                    read = e.action_done().results(0);
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(read, bytes);
}

TEST_F(JournalTest, SecondOpenerIsRefused) {
  auto first = OpenSqliteJournal(dir_);
  ASSERT_TRUE(first.ok());
  auto second = OpenSqliteJournal(dir_);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(Sentence(second.status())
                .find("held by another coordinator (process " + std::to_string(getpid()) + ")"),
            std::string::npos)
      << second.status().ToString();
  first->reset();
  EXPECT_TRUE(OpenSqliteJournal(dir_).ok());
}

// What a crash leaves: a write-ahead log that ends in the middle of a transaction.
TEST_F(JournalTest, TornTailLosesOnlyTheLastTransaction) {
  std::string copy = dir_ + "_copy";
  fs::remove_all(copy);
  {
    auto journal = OpenSqliteJournal(dir_);
    for (uint64_t i = 1; i <= 3; ++i) {
      pb::JournalEntry entry = Incarnation(i);
      ASSERT_TRUE((*journal)->Append({&entry, 1}).ok());
    }
    fs::copy(dir_, copy);  // while open: closing would fold the log into the file
  }
  std::string wal = copy + "/journal.sqlite-wal";
  fs::resize_file(wal, fs::file_size(wal) - 100);
  auto journal = OpenSqliteJournal(copy);
  ASSERT_TRUE(journal.ok()) << journal.status().ToString();
  EXPECT_EQ(Read(**journal), (std::vector<uint64_t>{1, 2}));
  journal->reset();
  fs::remove_all(copy);
}

TEST_F(JournalTest, DamagedOrForeignFilesAreRefusedWithASentence) {
  fs::create_directories(dir_);
  std::ofstream(dir_ + "/journal.sqlite") << std::string(8192, 'x');
  auto damaged = OpenSqliteJournal(dir_);
  ASSERT_FALSE(damaged.ok());
  EXPECT_NE(Sentence(damaged.status()).find("is damaged"), std::string::npos) << damaged.status().ToString();
  fs::remove(dir_ + "/journal.sqlite");
  Sql("CREATE TABLE cats(name)");
  auto foreign = OpenSqliteJournal(dir_);
  ASSERT_FALSE(foreign.ok());
  EXPECT_NE(Sentence(foreign.status()).find("is no journal of Millrace"), std::string::npos);
}

TEST_F(JournalTest, NewerFormatAndFlippedBitsAreRefused) {
  {
    auto journal = OpenSqliteJournal(dir_);
    std::vector<pb::JournalEntry> batch = {Incarnation(1), Incarnation(2)};
    ASSERT_TRUE((*journal)->Append(batch).ok());
  }
  Sql("UPDATE entries SET entry = x'0805' WHERE seq = 2");
  {
    auto journal = OpenSqliteJournal(dir_);
    ASSERT_TRUE(journal.ok());
    absl::Status status = (*journal)->Replay([](const pb::JournalEntry&) { return absl::OkStatus(); });
    EXPECT_NE(Sentence(status).find("damaged at entry 2"), std::string::npos) << status.ToString();
  }
  Sql("PRAGMA user_version = 99");
  auto newer = OpenSqliteJournal(dir_);
  ASSERT_FALSE(newer.ok());
  EXPECT_NE(Sentence(newer.status()).find("has format 99"), std::string::npos);
}

TEST_F(JournalTest, ForgetKeepsSubmissionAndEnd) {
  std::vector<pb::JournalEntry> batch(5);
  batch[0].mutable_job_submitted()->set_job(3);
  batch[1].mutable_action_planned()->set_job(3);
  batch[2].mutable_winner()->mutable_id()->set_job(4);
  batch[3].mutable_winner()->mutable_id()->set_job(3);
  batch[4].mutable_job_state()->set_job(3);
  auto sqlite = OpenSqliteJournal(dir_);
  ASSERT_TRUE(sqlite.ok());
  MemoryJournal memory;
  for (Journal* journal : {sqlite->get(), static_cast<Journal*>(&memory)}) {
    ASSERT_TRUE(journal->Append(batch).ok());
    ASSERT_TRUE(journal->Forget(3).ok());
    std::vector<int> kinds;
    ASSERT_TRUE(journal
                    ->Replay([&](const pb::JournalEntry& entry) {
                      kinds.push_back(entry.entry_case());
                      return absl::OkStatus();
                    })
                    .ok());
    EXPECT_EQ(kinds, (std::vector<int>{pb::JournalEntry::kJobSubmitted, pb::JournalEntry::kWinner,
                                       pb::JournalEntry::kJobState}));
  }
}

TEST_F(JournalTest, MemoryJournalSharesItsStore) {
  auto store = std::make_shared<MemoryJournal::Store>();
  pb::JournalEntry entry = Incarnation(7);
  ASSERT_TRUE(MemoryJournal(store).Append({&entry, 1}).ok());
  MemoryJournal again(store);
  EXPECT_EQ(Read(again), (std::vector<uint64_t>{7}));
}

}  // namespace
}  // namespace millrace
