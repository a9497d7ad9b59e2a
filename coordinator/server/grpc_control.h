// The Control service: one stream per worker. A reader thread (gRPC's) hands messages to the core, a
// writer thread sends what the core queued, everything that waits in one message.
#pragma once

#include "coordinator/server/bundle_store.h"
#include "coordinator/server/core.h"
#include "proto/control.grpc.pb.h"

namespace millrace {

class ControlService final : public pb::Control::Service {
 public:
  ControlService(CoordinatorCore* core, BundleStore* bundles) : core_(core), bundles_(bundles) {}
  grpc::Status Connect(grpc::ServerContext* context,
                       grpc::ServerReaderWriter<pb::CoordinatorMessage, pb::WorkerMessage>* stream) override;
  grpc::Status FetchBundle(grpc::ServerContext* context, const pb::FetchBundleRequest* request,
                           grpc::ServerWriter<pb::BundleChunk>* writer) override;

 private:
  CoordinatorCore* const core_;
  BundleStore* const bundles_;
};

// An Abseil status with its sentence as a gRPC one.
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace millrace
