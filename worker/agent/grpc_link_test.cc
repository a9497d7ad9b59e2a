// The control stream over real gRPC, against a coordinator that is played here.
#include "worker/agent/grpc_link.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <thread>

#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/thread.h"
#include "proto/control.grpc.pb.h"

namespace millrace {
namespace {

class FakeCoordinator final : public pb::Control::Service {
 public:
  using Stream = grpc::ServerReaderWriter<pb::CoordinatorMessage, pb::WorkerMessage>;

  // Welcomes everybody; a message whose epoch is 99 ends the stream.
  grpc::Status Connect(grpc::ServerContext*, Stream* stream) override {
    pb::WorkerMessage message;
    while (stream->Read(&message)) {
      if (message.has_register_()) {
        pb::CoordinatorMessage welcome;
        welcome.mutable_welcome()->set_epoch(++connections_);
        stream->Write(welcome);
      }
      const bool last = message.epoch() == 99;
      messages.Push(std::move(message));
      if (last) return grpc::Status(grpc::StatusCode::INTERNAL, "enough");
    }
    return grpc::Status::OK;
  }
  grpc::Status FetchBundle(grpc::ServerContext*, const pb::FetchBundleRequest* request,
                           grpc::ServerWriter<pb::BundleChunk>* writer) override {
    asked.Push(0);
    if (request->hash() == "slow") {
      for (pb::BundleChunk chunk; writer->Write(chunk);) std::this_thread::yield();
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone");
    }
    if (request->hash() != "known")
      return grpc::Status(grpc::StatusCode::NOT_FOUND, "there is no such bundle");
    for (const std::string part : {"abc", "def"}) {
      pb::BundleChunk chunk;
      chunk.set_data(part);
      writer->Write(chunk);
    }
    return grpc::Status::OK;
  }

  int Start(int port) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(StrCat("127.0.0.1:", port), grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    return port;
  }
  void Stop() {
    server_->Shutdown(gpr_time_0(GPR_CLOCK_MONOTONIC));  // now
    server_.reset();
  }

  BlockingQueue<pb::WorkerMessage> messages;
  BlockingQueue<int> asked;  // one per FetchBundle

 private:
  uint64_t connections_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

// Only what the link calls.
class FakeAgent final : public Agent {
 public:
  void SetBulkAddress(const std::string&) override {}
  void OnConnected(std::function<void(const pb::WorkerMessage&)> send) override {
    pb::WorkerMessage message;
    message.mutable_register_()->set_name("w");
    send(message);
    std::lock_guard lock(mutex_);
    send_ = std::move(send);
  }
  void OnCoordinatorMessage(pb::CoordinatorMessage message) override { received.Push(std::move(message)); }
  void OnDisconnected() override {
    {
      std::lock_guard lock(mutex_);
      send_ = nullptr;
    }
    disconnects.Push(0);
  }
  void Drain(std::function<void()>) override {}
  void Stop() override {}
  void SetWelcomeCallback(std::function<void(uint32_t)>) override {}
  void SetRejectedCallback(std::function<void(std::string)>) override {}
  std::string CheckFetch(uint64_t, uint32_t, uint64_t, const std::string&) override { return ""; }
  SegmentStore& store() override { std::abort(); }

  void Send(const pb::WorkerMessage& message) {
    std::lock_guard lock(mutex_);
    if (send_) send_(message);
  }

  BlockingQueue<pb::CoordinatorMessage> received;
  BlockingQueue<int> disconnects;

 private:
  std::mutex mutex_;
  std::function<void(const pb::WorkerMessage&)> send_;
};

TEST(GrpcLinkTest, ConnectsSendsInOrderAndComesBackAfterEveryLoss) {
  FakeCoordinator coordinator;
  const int port = coordinator.Start(0);
  FakeAgent agent;
  BlockingQueue<std::string> troubles;
  GrpcLinkOptions options;
  options.coordinator = StrCat("127.0.0.1:", port);
  options.first_backoff_ms = 1;
  options.on_trouble = [&](const std::string& text) { troubles.Push(text); };
  const auto link = GrpcLink::Start(options, &agent);
  EXPECT_TRUE(coordinator.messages.Pop()->has_register_());
  EXPECT_EQ(agent.received.Pop()->welcome().epoch(), 1u);

  // Messages that wait together arrive together, in order, the newest heartbeat alone.
  constexpr uint32_t kReports = 500;
  for (uint32_t i = 0; i < kReports; ++i) {
    pb::WorkerMessage message;
    message.set_epoch(1);
    message.mutable_heartbeat()->set_rss_bytes(i);
    message.add_reports()->mutable_id()->set_task(i);
    agent.Send(message);
  }
  uint32_t next = 0;
  uint64_t rss_bytes = 0;
  while (next < kReports) {
    const pb::WorkerMessage message = *coordinator.messages.Pop();
    rss_bytes = message.heartbeat().rss_bytes();
    for (const pb::TaskReport& report : message.reports()) ASSERT_EQ(report.id().task(), next++);
  }
  EXPECT_EQ(rss_bytes, kReports - 1);

  pb::WorkerMessage last;
  last.set_epoch(99);
  agent.Send(last);
  agent.disconnects.Pop();
  EXPECT_NE(troubles.Pop()->find("enough"), std::string::npos);
  EXPECT_EQ(agent.received.Pop()->welcome().epoch(), 2u);

  coordinator.Stop();
  agent.disconnects.Pop();
  ASSERT_EQ(coordinator.Start(port), port);
  EXPECT_EQ(agent.received.Pop()->welcome().epoch(), 3u);
  EXPECT_EQ(link->trouble(), "");
}

TEST(GrpcLinkTest, StopsWhileNobodyAnswers) {
  FakeAgent agent;
  GrpcLinkOptions options;
  options.coordinator = "127.0.0.1:1";
  BlockingQueue<std::string> troubles;
  options.on_trouble = [&](const std::string& text) { troubles.Push(text); };
  auto link = GrpcLink::Start(options, &agent);
  EXPECT_NE(troubles.Pop()->find("cannot reach coordinator 127.0.0.1:1"), std::string::npos);
  link.reset();
}

TEST(GrpcBundleSourceTest, WaitsForACoordinatorThatWentAway) {
  FakeCoordinator coordinator;
  const int port = coordinator.Start(0);
  coordinator.Stop();
  const ScopedTempDir folder;
  const auto source = MakeGrpcBundleSource(StrCat("127.0.0.1:", port));
  absl::Status status = absl::UnknownError("");
  std::thread fetch([&] { status = source->Fetch("known", folder.File("b")); });
  ASSERT_EQ(coordinator.Start(port), port);
  fetch.join();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(*ReadFile(folder.File("b")), "abcdef");
}

TEST(GrpcBundleSourceTest, PatienceEnds) {
  const ScopedTempDir folder;
  const absl::Status status = MakeGrpcBundleSource("127.0.0.1:1", 1)->Fetch("known", folder.File("b"));
  EXPECT_NE(MessageOf(status).find("coordinator 127.0.0.1:1 does not send it"), std::string::npos) << status;
}

TEST(GrpcBundleSourceTest, StopEndsAFetchThatStandsAndLaterOnes) {
  FakeCoordinator coordinator;
  const int port = coordinator.Start(0);
  const ScopedTempDir folder;
  const auto source = MakeGrpcBundleSource(StrCat("127.0.0.1:", port));
  std::thread stop([&] {
    coordinator.asked.Pop();
    source->Stop();
  });
  EXPECT_FALSE(source->Fetch("slow", folder.File("b")).ok());
  stop.join();
  EXPECT_FALSE(source->Fetch("known", folder.File("b")).ok());
  coordinator.Stop();
}

TEST(GrpcBundleSourceTest, WritesTheChunks) {
  FakeCoordinator coordinator;
  const int port = coordinator.Start(0);
  const ScopedTempDir folder;
  const auto source = MakeGrpcBundleSource(StrCat("127.0.0.1:", port));
  ASSERT_TRUE(source->Fetch("known", folder.File("b")).ok());
  EXPECT_EQ(*ReadFile(folder.File("b")), "abcdef");
  const absl::Status status = source->Fetch("unknown", folder.File("c"));
  EXPECT_NE(MessageOf(status).find("there is no such bundle"), std::string::npos);
  EXPECT_EQ(source->InPlace("known"), "");
}

}  // namespace
}  // namespace millrace
