#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>

#include "coordinator/journal/journal.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace millrace {
namespace {

constexpr int kApplicationId = 0x4d524a31;  // "MRJ1": tells our file from any other SQLite file
constexpr int kSchemaVersion = 1;

// A folder is held by flock: the kernel lets go of it when the process dies, however it dies.
class FolderLock {
 public:
  ~FolderLock() {
    if (fd_ >= 0) close(fd_);
  }
  absl::Status Take(const std::string& dir) {
    std::string path = dir + "/lock";
    fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd_ < 0) return absl::InternalError("cannot open " + path + ": " + strerror(errno));
    if (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      char holder[32] = {};
      ssize_t got = pread(fd_, holder, sizeof(holder) - 1, 0);
      std::string who = got > 0 ? " (process " + std::string(holder, strcspn(holder, "\n")) + ")" : "";
      return absl::FailedPreconditionError("the state folder " + dir + " is held by another coordinator" +
                                           who + "; stop it, or give this one another --state-dir");
    }
    std::string pid = std::to_string(getpid()) + "\n";
    if (ftruncate(fd_, 0) != 0 || pwrite(fd_, pid.data(), pid.size(), 0) < 0) {
      return absl::InternalError("cannot write " + path + ": " + strerror(errno));
    }
    return absl::OkStatus();
  }

 private:
  int fd_ = -1;
};

class SqliteJournal : public Journal {
 public:
  ~SqliteJournal() override {
    sqlite3_finalize(insert_);
    sqlite3_close(db_);
    if (log_fd_ >= 0) close(log_fd_);
  }

  absl::Status Open(const std::string& state_dir);
  absl::Status Append(std::span<const pb::JournalEntry> entries) override;
  absl::Status Sync() override;
  absl::Status Replay(const std::function<absl::Status(const pb::JournalEntry&)>& fn) override;
  absl::Status Forget(uint64_t job) override;

 private:
  absl::Status Error(int code, const std::string& doing) const;
  absl::Status Run(const char* sql);
  absl::StatusOr<int> Number(const char* pragma);
  absl::Status CheckVersion();
  absl::Status Insert(uint64_t job, const std::string& bytes);

  FolderLock lock_;
  std::string path_;
  sqlite3* db_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  int log_fd_ = -1;  // of the write-ahead log, for Sync()
};

absl::Status SqliteJournal::Error(int code, const std::string& doing) const {
  std::string sentence = "the journal " + path_ + ": " + doing +
                         " failed: " + (db_ ? sqlite3_errmsg(db_) : sqlite3_errstr(code));
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError("the journal " + path_ + " is damaged (" + sqlite3_errstr(code) +
                                 "); put a good copy back, or move it away to start with no jobs");
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(sentence + "; make room on its disk");
    case SQLITE_BUSY:
      return absl::FailedPreconditionError(sentence + "; another program has it open");
    default:
      return absl::InternalError(sentence);
  }
}

absl::Status SqliteJournal::Run(const char* sql) {
  int code = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Error(code, sql);
}

absl::StatusOr<int> SqliteJournal::Number(const char* pragma) {
  sqlite3_stmt* statement = nullptr;
  int code = sqlite3_prepare_v2(db_, pragma, -1, &statement, nullptr);
  if (code == SQLITE_OK) code = sqlite3_step(statement);
  int value = code == SQLITE_ROW ? sqlite3_column_int(statement, 0) : 0;
  sqlite3_finalize(statement);
  if (code != SQLITE_ROW) return Error(code, pragma);
  return value;
}

absl::Status SqliteJournal::CheckVersion() {
  absl::StatusOr<int> application = Number("PRAGMA application_id");
  if (!application.ok()) return application.status();
  absl::StatusOr<int> version = Number("PRAGMA user_version");
  if (!version.ok()) return version.status();
  absl::StatusOr<int> tables = Number("SELECT count(*) FROM sqlite_master");
  if (!tables.ok()) return tables.status();
  if (*tables == 0) return absl::OkStatus();  // new
  if (*application != kApplicationId) {
    return absl::DataLossError(path_ +
                               " is no journal of Millrace; move it away, or give another --state-dir");
  }
  if (*version > kSchemaVersion) {
    return absl::FailedPreconditionError("the journal " + path_ + " has format " + std::to_string(*version) +
                                         ", this coordinator knows up to " + std::to_string(kSchemaVersion) +
                                         "; start the newer version that wrote it");
  }
  return absl::OkStatus();
}

absl::Status SqliteJournal::Open(const std::string& state_dir) {
  std::error_code error;
  std::filesystem::create_directories(state_dir, error);
  if (error) return absl::InternalError("cannot make the state folder " + state_dir + ": " + error.message());
  absl::Status status = lock_.Take(state_dir);
  if (!status.ok()) return status;
  path_ = state_dir + "/journal.sqlite";
  int code = sqlite3_open_v2(path_.c_str(), &db_,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  if (code != SQLITE_OK) return Error(code, "opening it");
  status = CheckVersion();
  if (!status.ok()) return status;
  std::string setup =
      "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
      "PRAGMA application_id=" +
      std::to_string(kApplicationId) + "; PRAGMA user_version=" + std::to_string(kSchemaVersion) +
      ";"
      "CREATE TABLE IF NOT EXISTS entries(seq INTEGER PRIMARY KEY, sum INTEGER NOT NULL, entry BLOB NOT "
      "NULL, job INTEGER);"
      "CREATE INDEX IF NOT EXISTS by_job ON entries(job) WHERE job IS NOT NULL;";
  status = Run(setup.c_str());
  if (!status.ok()) return status;
  code =
      sqlite3_prepare_v2(db_, "INSERT INTO entries(sum, entry, job) VALUES(?, ?, ?)", -1, &insert_, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Error(code, "preparing");
}

absl::Status SqliteJournal::Insert(uint64_t job, const std::string& bytes) {
  sqlite3_reset(insert_);
  sqlite3_bind_int64(insert_, 1, static_cast<int64_t>(XXH3_64bits(bytes.data(), bytes.size())));
  if (job == 0) {
    sqlite3_bind_null(insert_, 3);
  } else {
    sqlite3_bind_int64(insert_, 3, static_cast<int64_t>(job));
  }
  int code = sqlite3_bind_blob64(insert_, 2, bytes.data(), bytes.size(), SQLITE_STATIC);
  if (code == SQLITE_OK) code = sqlite3_step(insert_);
  absl::Status status = code == SQLITE_DONE ? absl::OkStatus() : Error(code, "writing");
  sqlite3_reset(insert_);  // also lets go of `bytes`
  return status;
}

absl::Status SqliteJournal::Append(std::span<const pb::JournalEntry> entries) {
  if (entries.empty()) return absl::OkStatus();
  absl::Status status = Run("BEGIN IMMEDIATE");
  std::string bytes;
  for (const pb::JournalEntry& entry : entries) {
    if (!status.ok()) break;
    if (!entry.SerializeToString(&bytes)) status = absl::InternalError("a journal entry does not serialize");
    if (status.ok()) status = Insert(ForgettableJob(entry), bytes);
  }
  if (status.ok()) status = Run("COMMIT");
  if (!status.ok() && !sqlite3_get_autocommit(db_)) sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
  return status;
}

// The transactions lie one after the other in the write-ahead log, each with a checksum that goes on from the
// one before: after a loss of power SQLite keeps those up to the first that is not whole.
absl::Status SqliteJournal::Sync() {
  if (log_fd_ < 0) log_fd_ = open((path_ + "-wal").c_str(), O_RDONLY | O_CLOEXEC);
  if (log_fd_ >= 0 && fdatasync(log_fd_) == 0) return absl::OkStatus();
  return absl::InternalError("the journal " + path_ + ": cannot make its log durable: " + strerror(errno));
}

absl::Status SqliteJournal::Replay(const std::function<absl::Status(const pb::JournalEntry&)>& fn) {
  sqlite3_stmt* statement = nullptr;
  int code =
      sqlite3_prepare_v2(db_, "SELECT seq, sum, entry FROM entries ORDER BY seq", -1, &statement, nullptr);
  if (code != SQLITE_OK) return Error(code, "reading");
  absl::Status status;
  while (status.ok() && (code = sqlite3_step(statement)) == SQLITE_ROW) {
    const void* data = sqlite3_column_blob(statement, 2);
    int size = sqlite3_column_bytes(statement, 2);
    pb::JournalEntry entry;
    bool good = static_cast<int64_t>(XXH3_64bits(data, size)) == sqlite3_column_int64(statement, 1) &&
                entry.ParseFromArray(data, size);
    if (good) {
      status = fn(entry);
    } else {
      status = absl::DataLossError("the journal " + path_ + " is damaged at entry " +
                                   std::to_string(sqlite3_column_int64(statement, 0)) +
                                   "; put a good copy back, or move it away to start with no jobs");
    }
  }
  if (status.ok() && code != SQLITE_DONE) status = Error(code, "reading");
  sqlite3_finalize(statement);
  return status;
}

absl::Status SqliteJournal::Forget(uint64_t job) {
  return Run(("DELETE FROM entries WHERE job = " + std::to_string(job)).c_str());
}

}  // namespace

absl::StatusOr<std::unique_ptr<Journal>> OpenSqliteJournal(const std::string& state_dir) {
  auto journal = std::make_unique<SqliteJournal>();
  absl::Status status = journal->Open(state_dir);
  if (!status.ok()) return status;
  return std::unique_ptr<Journal>(std::move(journal));
}

}  // namespace millrace
