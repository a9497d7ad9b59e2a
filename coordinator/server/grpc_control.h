// The Control service: one stream per worker, without a thread of its own. gRPC's threads bring a message to
// the core, which runs on them and starts the writes; what has to wait meanwhile is joined to one message.
#pragma once

#include "coordinator/server/bundle_store.h"
#include "coordinator/server/core.h"
#include "proto/control.grpc.pb.h"

namespace millrace {

class ControlService final : public pb::Control::WithCallbackMethod_Connect<pb::Control::Service> {
 public:
  ControlService(CoordinatorCore* core, BundleStore* bundles) : core_(core), bundles_(bundles) {}
  grpc::ServerBidiReactor<pb::WorkerMessage, pb::CoordinatorMessage>* Connect(
      grpc::CallbackServerContext* context) override;
  grpc::Status FetchBundle(grpc::ServerContext* context, const pb::FetchBundleRequest* request,
                           grpc::ServerWriter<pb::BundleChunk>* writer) override;

 private:
  CoordinatorCore* const core_;
  BundleStore* const bundles_;
};

// An Abseil status with its sentence as a gRPC one.
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace millrace
