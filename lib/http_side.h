// SPDX-License-Identifier: Apache-2.0
// The HTTP side of a run: what listens, who answers, and from what.
#ifndef PODO_LIB_HTTP_SIDE_H_
#define PODO_LIB_HTTP_SIDE_H_

#include <functional>
#include <memory>

#include "answer_loop.h"
#include "config.h"
#include "serve/exchange.h"
#include "serve/listener.h"
#include "serve/sources.h"

namespace podo {

class HttpSide {
 public:
  // Listens where the configuration says. Null if it says nowhere, or if that cannot be: a line in
  // the log says why, and profiling goes on. Loads the network module: for the thread that calls
  // Start(). `shares_names`: under the preload library, where a whole process tree has the same
  // PODO_LISTEN, and that another one took it is no news. `sources` needs no patterns: those are
  // the listener's.
  static std::unique_ptr<HttpSide> Open(const Config& config, bool shares_names,
                                        serve::Sources sources);

  // Bodies of two threads.
  void Listen() { listener_->Run(); }
  void Answer() { answers_.Run(); }
  // Runs `job` on the thread that answers; false if it has ended, or too much waits. Any thread.
  bool Post(std::function<void()> job) { return answers_.Post(std::move(job)); }
  // Both end soon; what waits is not answered. Any thread.
  void Stop();

  serve::HttpCounts counts() const { return listener_->counts(); }

 private:
  explicit HttpSide(serve::Sources sources) : sources_(std::move(sources)) {}
  void Take(serve::Request request, serve::Respond respond, std::function<bool()> is_waiting);

  serve::Sources sources_;
  AnswerLoop answers_;
  std::unique_ptr<serve::Listener> listener_;
};

}  // namespace podo

#endif  // PODO_LIB_HTTP_SIDE_H_
