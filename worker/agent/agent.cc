#include "worker/agent/agent.h"

#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "common/base/failpoint.h"
#include "common/base/files.h"
#include "common/base/profile.h"
#include "common/base/sha256.h"
#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/base/work_loop.h"
#include "common/io/publish.h"
#include "worker/agent/agent_state.h"
#include "worker/shuffle/segment_store.h"

namespace millrace {
namespace {

constexpr int kTickMs = 50;
constexpr size_t kEventsPerFlush = 256;

std::string MakeName() {
  char host[256] = {};
  ::gethostname(host, sizeof(host) - 1);
  uint32_t nonce = 0;
  if (::getrandom(&nonce, sizeof(nonce), 0) != sizeof(nonce)) nonce = static_cast<uint32_t>(::getpid());
  return StrCat(host, ":", ::getpid(), ":", Hex64(nonce).substr(8));
}

uint64_t RssBytes() {
  const auto text = ReadFile("/proc/self/statm", 4096);
  if (!text.ok()) return 0;
  const std::vector<std::string_view> fields = StrSplit(*text, ' ');
  const auto pages = fields.size() > 1 ? ParseBytes(fields[1]) : std::nullopt;
  return pages.value_or(0) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

absl::StatusOr<std::string> HashFile(const std::string& path) {
  MR_ASSIGN_OR_RETURN(const UniqueFd fd, OpenForRead(path));
  Sha256 hash;
  std::string buffer(1 << 20, '\0');
  for (uint64_t offset = 0;;) {
    MR_ASSIGN_OR_RETURN(const size_t got, PRead(fd.get(), buffer.data(), buffer.size(), offset, path));
    if (got == 0) return hash.FinishHex();
    hash.Update(std::string_view(buffer.data(), got));
    offset += got;
  }
}

// Where outgoing messages go. Closed once, from outside, while the loop may be using it.
struct Link {
  std::mutex mutex;
  std::function<void(const pb::WorkerMessage&)> send;
};

struct LoopEvent {
  agent::Event event;
  std::shared_ptr<Link> link;  // with Connected
};

class AgentImpl final : public Agent {
 public:
  AgentImpl(AgentOptions options, std::unique_ptr<SegmentStore> store, ExecutorLauncher* launcher,
            BundleSource* bundles)
      : options_(std::move(options)),
        store_(std::move(store)),
        launcher_(launcher),
        bundle_source_(bundles),
        state_(options_),
        loop_(
            "agent", kEventsPerFlush,
            {[this](std::deque<LoopEvent>& batch) { Run(batch); }, [this] { return next_tick_; }, nullptr}) {
    loop_.Start();
    file_thread_ = std::thread([this] { Work("agent-files", &file_work_); });
    bundle_thread_ = std::thread([this] { Work("agent-bundles", &bundle_work_); });
    reaper_thread_ = std::thread([this] { Work("agent-reaper", &reaper_work_); });
  }
  ~AgentImpl() override { Shutdown(); }

  void SetBulkAddress(const std::string& address) override { Post(agent::BulkAddress{address}); }
  void OnConnected(std::function<void(const pb::WorkerMessage&)> send) override {
    auto link = std::make_shared<Link>();
    link->send = std::move(send);
    {
      std::lock_guard lock(mutex_);
      link_ = link;
    }
    Post(agent::Connected{}, std::move(link));
  }
  void OnCoordinatorMessage(pb::CoordinatorMessage message) override {
    Failpoint("worker.got", message);
    NoteManifests(message);
    Post(agent::FromCoordinator{std::move(message)});
  }
  void OnDisconnected() override {
    std::shared_ptr<Link> link;
    {
      std::lock_guard lock(mutex_);
      link = std::move(link_);
    }
    if (link != nullptr) {
      std::lock_guard lock(link->mutex);
      link->send = nullptr;
    }
    Post(agent::Disconnected{});
  }
  void Drain(std::function<void()> done) override {
    {
      std::lock_guard lock(mutex_);
      drained_ = std::move(done);
    }
    Post(agent::DrainRequested{});
  }
  void Stop() override {
    Shutdown();
    store_->RemoveEverything().IgnoreError();  // left-overs go at the next start
  }
  void SetWelcomeCallback(std::function<void(uint32_t)> callback) override {
    std::lock_guard lock(mutex_);
    welcomed_ = std::move(callback);
  }
  void SetRejectedCallback(std::function<void(std::string)> callback) override {
    std::lock_guard lock(mutex_);
    rejected_ = std::move(callback);
  }
  std::string CheckFetch(uint64_t job, uint32_t stage, uint64_t version, const std::string& path) override;
  SegmentStore& store() override { return *store_; }

 private:
  struct KnownManifest {
    uint64_t version = 0;
    std::set<std::string> paths;
  };

  // Frames of executors in this process come from threads of user code, which do nobody else's work.
  void Post(agent::Event event, std::shared_ptr<Link> link = nullptr) {
    loop_.Post(LoopEvent{std::move(event), std::move(link)}, /*here=*/!options_.in_process);
  }
  void Work(const char* name, BlockingQueue<std::function<void()>>* queue) {
    SetThreadName(name);
    while (auto work = queue->Pop()) (*work)();
  }
  void Run(std::deque<LoopEvent>& batch);
  void CarryOut();
  void Shutdown();
  void NoteManifests(const pb::CoordinatorMessage& message);

  void Do(agent::Send command);
  void Do(agent::Launch command);
  void Do(agent::ToExecutorFrame command);
  void Do(agent::KillExecutor command);
  void Do(agent::FetchBundle command);
  void Do(agent::StoreShared command);
  void Do(agent::RunFiles command);
  void Do(agent::RemoveJob command);
  void Do(agent::RemoveSegment command);
  void Do(agent::Welcomed command);
  void Do(agent::Rejected command);
  void Do(agent::Drained command);
  absl::StatusOr<std::string> GetBundle(const std::string& hash);

  const AgentOptions options_;
  const std::unique_ptr<SegmentStore> store_;
  ExecutorLauncher* const launcher_;
  BundleSource* const bundle_source_;
  agent::AgentState state_;  // the loop's alone, as loop_link_ and executors_
  std::shared_ptr<Link> loop_link_;
  std::map<uint64_t, std::unique_ptr<ExecutorHandle>> executors_;  // by generation

  std::vector<agent::Command> commands_;
  std::chrono::steady_clock::time_point next_tick_ = std::chrono::steady_clock::now();

  std::mutex mutex_;
  std::shared_ptr<Link> link_;
  std::function<void()> drained_;
  std::function<void(uint32_t)> welcomed_;
  std::function<void(std::string)> rejected_;

  std::mutex manifests_mutex_;
  std::map<std::pair<uint64_t, uint32_t>, KnownManifest> manifests_;  // by job, stage

  BlockingQueue<std::function<void()>> file_work_, bundle_work_, reaper_work_;
  std::thread file_thread_, bundle_thread_, reaper_thread_;
  WorkLoop<LoopEvent> loop_;  // last: it ends first
};

void AgentImpl::Run(std::deque<LoopEvent>& batch) {
  using Clock = std::chrono::steady_clock;
  const auto now = Clock::now();
  const int64_t now_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  if (now >= next_tick_) {
    batch.push_back(LoopEvent{agent::Tick{RssBytes()}, nullptr});
    next_tick_ = now + std::chrono::milliseconds(kTickMs);
  }
  for (LoopEvent& event : batch) {
    if (event.link != nullptr) loop_link_ = std::move(event.link);
    const auto* exit = std::get_if<agent::ExecutorExit>(&event.event);
    const uint64_t gone = exit != nullptr ? exit->generation : 0;
    state_.Step(now_ms, std::move(event.event), &commands_);
    CarryOut();
    const auto executor = executors_.find(gone);
    if (executor == executors_.end()) continue;
    // It waits for its thread, which may be the one that runs here.
    reaper_work_.Push([handle = std::shared_ptr<ExecutorHandle>(std::move(executor->second))] {});
    executors_.erase(executor);
  }
  state_.Flush(&commands_);
  CarryOut();
}

void AgentImpl::CarryOut() {
  for (agent::Command& command : commands_)
    std::visit([this](auto&& what) { Do(std::move(what)); }, std::move(command));
  commands_.clear();
}

void AgentImpl::Shutdown() {
  OnDisconnected();
  loop_.Stop(/*drain=*/false);
  executors_.clear();
  bundle_source_->Stop();
  for (auto* queue : {&file_work_, &bundle_work_, &reaper_work_}) queue->Close();
  for (std::thread* thread : {&file_thread_, &bundle_thread_, &reaper_thread_}) {
    if (thread->joinable()) thread->join();
  }
}

void AgentImpl::NoteManifests(const pb::CoordinatorMessage& message) {
  std::lock_guard lock(manifests_mutex_);
  for (const pb::Manifest& manifest : message.manifests()) {
    KnownManifest& known = manifests_[{manifest.job(), manifest.stage()}];
    if (manifest.version() < known.version) continue;
    known.version = manifest.version();
    known.paths.clear();
    for (const pb::MapLocation& map : manifest.maps()) known.paths.insert(map.path());
  }
  for (const uint64_t job : message.drop_jobs()) {
    manifests_.erase(manifests_.lower_bound({job, 0}), manifests_.upper_bound({job, UINT32_MAX}));
  }
}

std::string AgentImpl::CheckFetch(uint64_t job, uint32_t stage, uint64_t version, const std::string& path) {
  std::lock_guard lock(manifests_mutex_);
  const auto known = manifests_.find({job, stage});
  if (known == manifests_.end() || version >= known->second.version || known->second.paths.count(path) != 0)
    return "";
  return StrCat("stale: version ", version, " of the outputs of stage ", stage, " named it, version ",
                known->second.version, " does not");
}

void AgentImpl::Do(agent::Send command) {
  if (loop_link_ == nullptr) return;
  std::lock_guard lock(loop_link_->mutex);
  if (!loop_link_->send) return;
  Failpoint("worker.send", command.message);
  loop_link_->send(command.message);
  Failpoint("worker.sent", command.message);
}

void AgentImpl::Do(agent::Launch command) {
  const uint64_t job = command.job, generation = command.generation;
  absl::Status status = store_->CreateJob(job);
  if (status.ok()) {
    LaunchSpec spec;
    spec.job = job;
    spec.bundle_path = std::move(command.bundle_path);
    spec.setup = std::move(command.setup);
    if (options_.heap_headroom_bytes > 0) {
      spec.heap_limit_bytes = options_.slots * options_.slot_memory_bytes + options_.heap_headroom_bytes;
    }
    auto handle = launcher_->Launch(
        spec,
        [this, job, generation](pb::FromExecutor frame) {
          Post(agent::ExecutorFrame{job, generation, std::move(frame)});
        },
        [this, job, generation](ExitInfo info) {
          Post(agent::ExecutorExit{job, generation, std::move(info)});
        });
    if (handle.ok()) {
      executors_[generation] = std::move(*handle);
      return;
    }
    status = handle.status();
  }
  Post(agent::LaunchFailed{job, generation, MessageOf(status)});
}

void AgentImpl::Do(agent::ToExecutorFrame command) {
  const auto executor = executors_.find(command.generation);
  if (executor != executors_.end()) executor->second->Send(command.frame);
}

void AgentImpl::Do(agent::KillExecutor command) {
  const auto executor = executors_.find(command.generation);
  if (executor != executors_.end()) executor->second->Kill();
}

absl::StatusOr<std::string> AgentImpl::GetBundle(const std::string& hash) {
  std::string path = bundle_source_->InPlace(hash);
  if (!path.empty()) return path;
  if (hash.empty() || hash.find('/') != std::string::npos)
    return InvalidArgument("a bundle without a hash was asked for");
  path = store_->BundlePath(hash);
  if (FileExists(path)) {
    const auto found = HashFile(path);
    if (found.ok() && *found == hash) return path;
  }
  const std::string fetched = path + ".tmp";
  MR_RETURN_IF_ERROR(bundle_source_->Fetch(hash, fetched));
  MR_ASSIGN_OR_RETURN(const std::string found, HashFile(fetched));
  if (found != hash) {
    RemoveFile(fetched).IgnoreError();
    return DataLoss("the bundle arrived damaged: its SHA-256 is ", found, ", not ", hash);
  }
  if (::chmod(fetched.c_str(), 0755) != 0) return ErrnoStatus(errno, "make executable", fetched);
  MR_RETURN_IF_ERROR(RenameFile(fetched, path));
  return path;
}

void AgentImpl::Do(agent::FetchBundle command) {
  bundle_work_.Push([this, hash = std::move(command.hash)] {
    const auto path = GetBundle(hash);
    if (path.ok()) return Post(agent::BundleReady{hash, *path});
    Post(agent::BundleFailed{hash, StrCat("cannot get the bundle: ", MessageOf(path.status()))});
  });
}

// A value that cannot be stored is missed, with a sentence, by the task that wants it.
void AgentImpl::Do(agent::StoreShared command) {
  store_->StoreShared(command.job, command.value.digest(), command.value.value()).IgnoreError();
}

void AgentImpl::Do(agent::RunFiles command) {
  file_work_.Push([this, list = std::move(command.list)] {
    pb::FilesReport report;
    report.set_job(list.job());
    report.set_request(list.request());
    *report.mutable_error() = io::PublishFiles(list, [] {
      Failpoint("worker.publish");  // before each rename, file and removal
      return true;
    });
    Post(agent::FilesDone{std::move(report)});
  });
}

void AgentImpl::Do(agent::RemoveJob command) {
  std::string retired = store_->RetireJob(command.job);
  if (!retired.empty()) file_work_.Push([path = std::move(retired)] { RemoveTree(path).IgnoreError(); });
}

void AgentImpl::Do(agent::RemoveSegment command) {
  const auto path = ResolveSegmentPath(store_->work_dir(), command.job, command.path);
  if (!path.ok()) return;
  file_work_.Push([this, path = *path] {
    store_->cache().Drop(path);
    RemoveFile(path).IgnoreError();
  });
}

void AgentImpl::Do(agent::Welcomed command) {
  std::function<void(uint32_t)> callback;
  {
    std::lock_guard lock(mutex_);
    callback = welcomed_;
  }
  if (callback) callback(command.worker);
}

void AgentImpl::Do(agent::Rejected command) {
  std::function<void(std::string)> callback;
  {
    std::lock_guard lock(mutex_);
    callback = rejected_;
  }
  if (callback) callback(std::move(command.message));
}

void AgentImpl::Do(agent::Drained) {
  std::function<void()> callback;
  {
    std::lock_guard lock(mutex_);
    callback = std::exchange(drained_, nullptr);
  }
  if (callback) callback();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Agent>> Agent::Create(AgentOptions options, ExecutorLauncher* launcher,
                                                     BundleSource* bundles) {
  MR_ASSIGN_OR_RETURN(std::unique_ptr<SegmentStore> store, SegmentStore::Create(options.work_dir));
  options.work_dir = store->work_dir();
  if (options.name.empty()) options.name = MakeName();
  if (options.slots == 0) options.slots = 1;
  if (options.credits == 0) options.credits = 128 * options.slots;
  if (options.profile.empty()) {
    options.profile = GetNumericProfile().digest;
    options.profile_text = GetNumericProfile().text;
  }
  return std::unique_ptr<Agent>(new AgentImpl(std::move(options), std::move(store), launcher, bundles));
}

}  // namespace millrace
