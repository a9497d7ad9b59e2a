#include "coordinator/server/http_server.h"

#include <httplib.h>
#include <sys/socket.h>

#include <thread>

#include "common/base/status.h"
#include "common/base/thread.h"

namespace millrace {
namespace {

class HttpServerImpl final : public HttpServer {
 public:
  explicit HttpServerImpl(CoordinatorCore* core) : core_(core) {}
  ~HttpServerImpl() override { Stop(); }

  absl::Status Listen(const std::string& listen) {
    const size_t colon = listen.rfind(':');
    std::string host = listen.substr(0, colon);
    const int wanted = std::stoi(listen.substr(colon + 1));  // CheckLoopback has seen it
    // A page is a few kilobytes now and then: two threads, short time-outs, no large requests.
    server_.new_task_queue = [] { return new httplib::ThreadPool(2); };
    server_.set_payload_max_length(1 << 16);
    server_.set_read_timeout(5, 0);
    server_.set_write_timeout(5, 0);
    server_.set_keep_alive_timeout(1);
    // Not SO_REUSEPORT, the library's default: a second coordinator must not share the port.
    server_.set_socket_options([](socket_t socket) {
      int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    });
    server_.Get("/", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(StatusPage(*core_), "text/html; charset=utf-8");
    });
    server_.Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(MetricsText(*core_), "text/plain; version=0.0.4; charset=utf-8");
    });
    server_.Get("/healthz", [this](const httplib::Request&, httplib::Response& response) {
      const absl::Status failure = core_->failure();
      response.status = failure.ok() ? 200 : 503;
      response.set_content(failure.ok() ? "ok\n" : MessageOf(failure) + "\n", "text/plain; charset=utf-8");
    });
    std::string bare = host.starts_with("[") ? host.substr(1, host.size() - 2) : host;
    const int port =
        wanted == 0 ? server_.bind_to_any_port(bare) : (server_.bind_to_port(bare, wanted) ? wanted : -1);
    if (port <= 0) {
      return Unavailable("cannot listen on ", listen,
                         ": the address is taken or not ours; choose another --http-listen");
    }
    address_ = StrCat(host, ":", port);
    thread_ = std::thread([this] {
      SetThreadName("http");
      server_.listen_after_bind();
    });
    while (!server_.is_running()) std::this_thread::yield();  // stop() before that would be lost
    return absl::OkStatus();
  }
  std::string address() const override { return address_; }
  void Stop() override {
    if (!thread_.joinable()) return;
    server_.stop();
    thread_.join();
  }

 private:
  CoordinatorCore* const core_;
  httplib::Server server_;
  std::string address_;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& listen,
                                                              CoordinatorCore* core) {
  auto server = std::make_unique<HttpServerImpl>(core);
  MR_RETURN_IF_ERROR(server->Listen(listen));
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace millrace
