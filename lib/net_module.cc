// SPDX-License-Identifier: Apache-2.0
// The network module's side of net_abi.h (the server's is serve/net_server.cc): a client is an
// HttpClient with an io_context of its own, run by the thread that posts.
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/owned_fd.h"
#include "base/status.h"
#include "export/host_resolver.h"
#include "export/http_client.h"
#include "export/tls.h"
#include "net/io_descriptors.h"
#include "net/net_abi.h"
#include "serve/net_server.h"

namespace {

namespace exporting = podo::exporting;

std::string Copy(const podo_net_text& text) { return {text.data, text.size}; }
podo_net_text View(const std::string& text) { return {text.data(), text.size()}; }

exporting::HttpHeaders Copy(const podo_net_headers& headers) {
  exporting::HttpHeaders copy;
  for (size_t i = 0; i < headers.count; ++i) {
    copy.emplace_back(Copy(headers.first[i].name), Copy(headers.first[i].value));
  }
  return copy;
}

exporting::HttpClientOptions Copy(const podo_net_options& options) {
  exporting::HttpClientOptions copy;
  copy.target = {options.target.tls != 0,   Copy(options.target.host),
                 options.target.port,       Copy(options.target.unix_path),
                 Copy(options.target.path), Copy(options.target.user)};
  copy.proxies = {Copy(options.https_proxy), Copy(options.http_proxy), Copy(options.no_proxy)};
  copy.tls = {Copy(options.ca), Copy(options.client_certificate), Copy(options.client_key)};
  copy.headers = Copy(options.headers);
  copy.max_response_bytes = options.max_response_bytes;
  return copy;
}

// A thread body that crosses the boundary as a function and a pointer.
void RunBody(void* argument) {
  const std::unique_ptr<std::function<void()>> body(static_cast<std::function<void()>*>(argument));
  try {
    (*body)();
  } catch (...) {  // memory ran out: whoever hoped for an answer has a deadline
  }
}

exporting::HostResolver::StartThread StarterOf(const podo_net_options& options) {
  return [start = options.start_thread, context = options.start_thread_context](
             const char* name, std::function<void()> body) -> podo::base::Status {
    auto argument = std::make_unique<std::function<void()>>(std::move(body));
    const int error = start(context, name, RunBody, argument.get());
    if (error != 0) {
      return podo::base::ResourceExhaustedError(absl::StrCat("no thread: ", std::strerror(error)));
    }
    static_cast<void>(argument.release());  // the thread's now
    return podo::base::OkStatus();
  };
}

struct Interrupted {};

// What has descriptors open. In the order in which Asio wants them destroyed, last first.
struct Engine {
  Engine(const exporting::HostResolver::StartThread& start_thread,
         const exporting::HttpClientOptions& options)
      : descriptors(&io), resolver(&io, start_thread), client(&io, &resolver, options) {}

  boost::asio::io_context io{1};
  podo::net::IoDescriptors descriptors;
  exporting::HostResolver resolver;
  exporting::HttpClient client;
};

}  // namespace

struct podo_net_client {
  explicit podo_net_client(const podo_net_options& given)
      : options(Copy(given)), start_thread(StarterOf(given)) {}

  exporting::HttpResult Post(const podo_net_request& request);
  void Interrupt();
  void DropEngine();

  const exporting::HttpClientOptions options;
  const exporting::HostResolver::StartThread start_thread;
  // Opened by the first post, by the thread that posts; it alone uses it without the lock, and
  // changes it under it.
  std::unique_ptr<Engine> engine;
  std::mutex mutex;
  bool posting = false;                  // under mutex
  std::atomic<bool> interrupted{false};  // relaxed: a wake-up of the loop follows
  uint64_t connections_before = 0;       // of engines that are gone
  exporting::HttpResult result;
};

// What is open, with all that is under way. Slow parts are outside the lock.
void podo_net_client::DropEngine() {
  std::unique_ptr<Engine> old;
  {
    const std::lock_guard lock(mutex);
    old = std::move(engine);
  }
  if (old == nullptr) return;
  old->descriptors.LetGoOfLost();
  connections_before += old->client.connections();
}

void podo_net_client::Interrupt() {
  const std::lock_guard lock(mutex);
  if (!posting) return;
  interrupted.store(true, std::memory_order_relaxed);
  if (engine != nullptr) boost::asio::post(engine->io, [] {});
}

exporting::HttpResult podo_net_client::Post(const podo_net_request& request) {
  if (engine != nullptr && !engine->descriptors.AreOurs()) DropEngine();  // the host closed them
  if (engine == nullptr) {
    auto made = std::make_unique<Engine>(start_thread, options);
    const std::lock_guard lock(mutex);
    engine = std::move(made);
  }
  exporting::HttpPost post;
  post.headers = Copy(request.headers);
  post.path = Copy(request.path);
  post.timeout_ns = request.timeout_ns;
  std::optional<exporting::HttpResult> answer;
  engine->io.restart();
  engine->client.Post(std::move(post), {request.body.data, request.body.size},
                      [&](exporting::HttpResult got) { answer = std::move(got); });
  while (!answer.has_value()) {
    if (interrupted.load(std::memory_order_relaxed)) throw Interrupted();
    if (engine->io.run_one() == 0) throw std::logic_error("nothing to wait for");
  }
  engine->io.poll();  // what was cancelled lets go of its memory
  return *std::move(answer);
}

namespace {

// While one of these is there, the client can be interrupted.
class Posting {
 public:
  explicit Posting(podo_net_client* client) : client_(*client) { Set(true); }
  ~Posting() { Set(false); }

 private:
  void Set(bool posting) {
    const std::lock_guard lock(client_.mutex);
    client_.posting = posting;
    client_.interrupted.store(false, std::memory_order_relaxed);
  }
  podo_net_client& client_;
};

podo_net_client* Open(const podo_net_options* options) {
  try {
    return new podo_net_client(*options);
  } catch (...) {
    return nullptr;
  }
}

void FillResult(const podo_net_client& client, podo_net_result* result) {
  const exporting::HttpResult& from = client.result;
  result->status = from.status;
  result->body_complete = from.body_complete ? 1 : 0;
  result->body = View(from.body);
  result->retry_after = View(from.retry_after);
  result->content_type = View(from.content_type);
  result->error = View(from.error);
  result->connections = client.connections_before;
  if (client.engine != nullptr) result->connections += client.engine->client.connections();
}

void SetError(podo_net_result* result, const char* error) {
  *result = {.size = result->size, .error = {error, std::strlen(error)}};
}

// What was thrown went through Asio's loop: nothing of it is used again.
void Post(podo_net_client* client, const podo_net_request* request, podo_net_result* result) {
  try {
    const Posting posting(client);
    client->result = {};
    client->result = client->Post(*request);
    return FillResult(*client, result);
  } catch (const Interrupted&) {
    SetError(result, "interrupted: the process ends");
  } catch (const std::bad_alloc&) {
    SetError(result, "out of memory");
  } catch (const boost::system::system_error& error) {
    SetError(result, std::strerror(error.code().value()));  // Asio's own: EMFILE, ENOMEM
  } catch (...) {
    SetError(result, "an exception in the HTTP client");
  }
  client->DropEngine();
}

const char* PrepareTls() {
  try {
    return exporting::PrepareTls();
  } catch (...) {
    return "out of memory";
  }
}

void Interrupt(podo_net_client* client) {
  try {
    client->Interrupt();
  } catch (...) {  // no memory for the wake-up: the time given to the post ends it
  }
}

void CloseInForkChild() {
  podo::net::CloseIoDescriptorsInForkChild();
  podo::base::CloseOwnedFdsInForkChild();  // this module's table
}

}  // namespace

extern "C" const podo_net_api* podo_net_module() {
  static constexpr podo_net_api kApi = {sizeof(podo_net_api),
                                        PODO_VERSION,
                                        PrepareTls,
                                        Open,
                                        Post,
                                        Interrupt,
                                        [](podo_net_client* client) { delete client; },
                                        podo::serve::Serve,
                                        podo::serve::RunServer,
                                        podo::serve::StopServer,
                                        podo::serve::EndServer,
                                        podo::serve::CountServer,
                                        podo::serve::AnswerExchange,
                                        podo::serve::IsWaiting,
                                        podo::serve::CompilePattern,
                                        podo::serve::Matches,
                                        podo::serve::ForgetPattern,
                                        CloseInForkChild};
  return &kApi;
}
