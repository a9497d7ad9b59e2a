// The whole coordinator over real sockets, with a worker played by the test.
#include "coordinator/server/grpc_server.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "common/base/files.h"
#include "coordinator/server/fake_worker.h"
#include "coordinator/server/http_server.h"
#include "proto/client.grpc.pb.h"
#include "proto/control.grpc.pb.h"

namespace millrace {
namespace {

class GrpcServerTest : public testing::Test {
 protected:
  GrpcServerTest() {
    core_ = std::make_unique<CoordinatorCore>(CoreOptions(), std::make_unique<MemoryJournal>());
    EXPECT_TRUE(core_->Start().ok());
    bundles_ = BundleStore::Open(dir_.File("bundles")).value();
    server_ = GrpcServer::Start("127.0.0.1:0", core_.get(), bundles_.get()).value();
    channel_ = grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials());
    client_ = pb::Client::NewStub(channel_);
  }
  ~GrpcServerTest() override {
    server_->Stop();
    core_->Stop();
  }
  grpc::Status Put(const std::string& hash, const std::string& bytes) {
    grpc::ClientContext context;
    pb::PutBundleReply reply;
    auto writer = client_->PutBundle(&context, &reply);
    for (size_t at = 0; at < bytes.size(); at += 1000) {
      pb::BundleChunk chunk;
      chunk.set_hash(hash);
      chunk.set_data(bytes.substr(at, 1000));
      if (!writer->Write(chunk)) break;
    }
    writer->WritesDone();
    return writer->Finish();
  }
  pb::SubmitReply Submit(const std::string& bundle) {
    grpc::ClientContext context;
    pb::SubmitRequest request;
    request.set_bundle(bundle);
    request.set_job_name("job");
    pb::SubmitReply reply;
    EXPECT_TRUE(client_->Submit(&context, request, &reply).ok());
    return reply;
  }

  ScopedTempDir dir_;
  std::unique_ptr<CoordinatorCore> core_;
  std::unique_ptr<BundleStore> bundles_;
  std::unique_ptr<GrpcServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<pb::Client::Stub> client_;
  const std::string bytes_ = std::string(123'456, 'x') + "end";
  const std::string hash_ = Sha256Hex(bytes_);
};

TEST_F(GrpcServerTest, BundlesAreCheckedOnTheWayInAndComeBackWhole) {
  EXPECT_EQ(Put(std::string(64, 'a'), bytes_).error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_EQ(Put("../../etc/passwd", bytes_).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(Submit(hash_).error().message().find("was not uploaded"), std::string::npos);
  EXPECT_EQ(ListDir(dir_.File("bundles"))->size(), 0u) << "a refused upload leaves nothing";
  ASSERT_TRUE(Put(hash_, bytes_).ok());
  auto control = pb::Control::NewStub(channel_);
  grpc::ClientContext context;
  pb::FetchBundleRequest request;
  request.set_hash(hash_);
  auto reader = control->FetchBundle(&context, request);
  std::string got;
  for (pb::BundleChunk chunk; reader->Read(&chunk);) got += chunk.data();
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(got, bytes_);
  grpc::ClientContext other;
  request.set_hash(std::string(64, 'a'));
  auto nothing = control->FetchBundle(&other, request);
  for (pb::BundleChunk chunk; nothing->Read(&chunk);)
    ADD_FAILURE() << "a chunk of a bundle that is not there";
  EXPECT_EQ(nothing->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
}

// A worker over the control stream that does what it is told, from the test's thread.
class StreamWorker {
 public:
  explicit StreamWorker(std::shared_ptr<grpc::Channel> channel) : stub_(pb::Control::NewStub(channel)) {
    stream_ = stub_->Connect(&context_);
    pb::WorkerMessage message;
    message.mutable_register_()->set_name("w");
    message.mutable_register_()->set_slots(8);
    message.mutable_register_()->set_credits(120);
    message.mutable_register_()->set_profile("p");
    stream_->Write(message);
  }
  // Plays worker and driver of one job until it is dropped.
  void Play(uint32_t maps, uint32_t reducers) {
    pb::CoordinatorMessage message;
    while (stream_->Read(&message)) {
      if (message.has_welcome()) epoch_ = message.welcome().epoch();
      for (const auto& spec : message.stages()) specs_[spec.stage().id()] = spec;
      pb::WorkerMessage answer;
      answer.set_epoch(epoch_);
      for (const auto& start : message.start_drivers()) {
        *answer.add_actions() = TwoStagePlan(start.job(), start.driver_epoch(), 1, 1, maps, reducers, true);
      }
      for (const auto& grant : message.grants()) {
        *answer.add_reports() = GoodReport(grant.id(), specs_.at(grant.id().stage()), maps, reducers);
      }
      for (const auto& result : message.action_results()) {
        pb::DriverFinished* finished = answer.add_drivers_finished();
        finished->set_job(result.job());
        finished->set_driver_epoch(result.driver_epoch());
      }
      for (const auto& list : message.files()) {
        pb::FilesReport* report = answer.add_files();
        report->set_job(list.job());
        report->set_request(list.request());
      }
      pb::WorkerMessage nothing;
      nothing.set_epoch(epoch_);
      if (answer.ByteSizeLong() > nothing.ByteSizeLong()) stream_->Write(answer);
      if (message.drop_jobs_size() > 0) break;
    }
    context_.TryCancel();
    stream_->Finish();
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<pb::Control::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<pb::WorkerMessage, pb::CoordinatorMessage>> stream_;
  uint64_t epoch_ = 0;
  std::map<uint32_t, pb::StageSpec> specs_;
};

TEST_F(GrpcServerTest, JobOverRealSockets) {
  ASSERT_TRUE(Put(hash_, bytes_).ok());
  EXPECT_EQ(Submit(hash_).id(), "j-1");
  std::thread watcher([&] {
    grpc::ClientContext context;
    pb::GetJobRequest request;
    request.set_id("last");
    auto reader = client_->WatchJob(&context, request);
    pb::JobStatus status;
    while (reader->Read(&status)) {
    }
    EXPECT_TRUE(reader->Finish().ok());
    EXPECT_EQ(status.state(), pb::JobStatus::SUCCEEDED) << status.ShortDebugString();
  });
  constexpr uint32_t kTasks = 20'000;
  const auto begin = std::chrono::steady_clock::now();
  StreamWorker(channel_).Play(kTasks, 1);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  watcher.join();
  printf("%u empty tasks in %.3f s: %.0f tasks/s\n", kTasks, took.count(), kTasks / took.count());
  grpc::ClientContext context;
  pb::EventsRequest request;
  request.set_id("j-1");
  request.set_stage(-1);
  request.set_task(-1);
  request.set_follow(true);  // ends with the job
  auto reader = client_->GetEvents(&context, request);
  int lines = 0;
  for (pb::StoryLine line; reader->Read(&line);) ++lines;
  EXPECT_GT(lines, 3);
  grpc::ClientContext unknown;
  pb::GetJobRequest job;
  job.set_id("j-9");
  pb::JobStatus status;
  const grpc::Status answer = client_->GetJob(&unknown, job, &status);
  EXPECT_EQ(answer.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_NE(answer.error_message().find("there is no job j-9"), std::string::npos);
}

TEST_F(GrpcServerTest, TakenAddressIsASentence) {
  auto second = GrpcServer::Start(server_->address(), core_.get(), bundles_.get());
  ASSERT_FALSE(second.ok());
  EXPECT_NE(std::string(second.status().message()).find("the address is taken"), std::string::npos);
}

TEST_F(GrpcServerTest, HealthServiceAnswers) {
  // grpc.health.v1 by hand: an empty request, an answer with field 1 = SERVING (1).
  grpc::GenericStub stub(channel_);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const grpc::Slice nothing;
  grpc::ByteBuffer empty(&nothing, 1);
  auto call = stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", empty, &queue);
  call->StartCall();
  grpc::ByteBuffer answer;
  grpc::Status status;
  call->Finish(&answer, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  ASSERT_TRUE(status.ok()) << status.error_message();
  std::vector<grpc::Slice> slices;
  ASSERT_TRUE(answer.Dump(&slices).ok());
  std::string bytes;
  for (const grpc::Slice& slice : slices)
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  EXPECT_EQ(bytes, "\x08\x01");
}

TEST_F(GrpcServerTest, PagesEscapeWhatUsersWrite) {
  grpc::ClientContext context;
  ASSERT_TRUE(Put(hash_, bytes_).ok());
  pb::SubmitRequest request;
  request.set_bundle(hash_);
  request.set_job_name("<script>alert(1)</script>");
  pb::SubmitReply reply;
  ASSERT_TRUE(client_->Submit(&context, request, &reply).ok());
  const std::string page = StatusPage(*core_);
  EXPECT_EQ(page.find("<script>"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;"), std::string::npos);
  EXPECT_NE(page.find("j-1"), std::string::npos);
  EXPECT_NE(MetricsText(*core_).find("millrace_jobs_running 1"), std::string::npos);
  auto http = HttpServer::Start("127.0.0.1:0", core_.get());
  ASSERT_TRUE(http.ok());
  EXPECT_FALSE(HttpServer::Start((*http)->address(), core_.get()).ok());
}

}  // namespace
}  // namespace millrace
