// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor_run.h"

#include <elf.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/clock.h"
#include "base/owned_fd.h"

namespace podo::doctor {
namespace {

constexpr int kForwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
// For the last lines of processes that outlive the program by a little; a daemon may keep the pipe
// open for ever.
constexpr int64_t kLingerNs = 1'000'000'000;

// Takes podo's lines out of what comes from a pipe.
class LineFilter {
 public:
  explicit LineFilter(std::vector<std::string>* log) : log_(log) {}

  // podo writes whole lines, each by one write(2), so they begin where a piece begins, or a line.
  void Add(std::string_view piece) {
    std::string text = std::exchange(kept_, "");
    text.append(piece);
    std::string passed;
    for (size_t at = 0; at < text.size();) {
      const size_t newline = text.find('\n', at);
      const bool is_podo = text.compare(at, kPrefix.size(), kPrefix) == 0;
      if (is_podo && newline == text.npos) {
        kept_ = text.substr(at);
        break;
      }
      const size_t end = newline == text.npos ? text.size() : newline + 1;
      if (is_podo) {
        log_->push_back(text.substr(at, newline - at));
      } else {
        passed.append(text, at, end - at);
      }
      at = end;
    }
    Pass(passed);
  }
  void End() { Pass(std::exchange(kept_, "")); }

 private:
  static constexpr std::string_view kPrefix = "podo: ";

  static void Pass(std::string_view text) {
    while (!text.empty()) {
      const ssize_t size = write(STDERR_FILENO, text.data(), text.size());
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) return;  // nobody reads it: the program's words are lost, as its own would be
      text.remove_prefix(static_cast<size_t>(size));
    }
  }

  std::vector<std::string>* const log_;
  std::string kept_;
};

// In packet mode a read gives what one write put in, so that podo's lines and unfinished ones of
// the program do not mix.
bool MakePipe(base::OwnedFd* read_end, base::OwnedFd* write_end) {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC | O_DIRECT) != 0 && pipe2(ends, O_CLOEXEC) != 0) return false;
  *read_end = base::OwnedFd(ends[0]);
  *write_end = base::OwnedFd(ends[1]);
  constexpr int kBytes = 1 << 20;  // podo drops lines rather than wait for a reader
  fcntl(read_end->get(), F_SETPIPE_SZ, kBytes);
  return true;
}

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Reads what is there; false at the end.
bool ReadSome(int fd, LineFilter* filter) {
  char piece[64 << 10];
  const ssize_t size = read(fd, piece, sizeof piece);
  if (size > 0) filter->Add({piece, static_cast<size_t>(size)});
  return size > 0 || (size < 0 && (errno == EINTR || errno == EAGAIN));
}

void ForwardSignals(int signals, pid_t child) {
  signalfd_siginfo received = {};
  while (read(signals, &received, sizeof received) == ssize_t{sizeof received}) {
    const int number = static_cast<int>(received.ssi_signo);
    // What the terminal sends reaches the program by itself.
    if (number != SIGCHLD && received.ssi_code <= 0) kill(child, number);
  }
}

// Until the program has ended and its standard error is closed, or it has lingered long enough.
int Attend(pid_t child, int signals, int error_pipe, LineFilter* filter) {
  int status = 0;
  int64_t ended_ns = 0;
  bool is_open = true;
  while (ended_ns == 0 || (is_open && base::SteadyClockNs() - ended_ns < kLingerNs)) {
    pollfd waiting[] = {{signals, POLLIN, 0}, {is_open ? error_pipe : -1, POLLIN, 0}};
    constexpr int kSliceMs = 100;
    poll(waiting, std::size(waiting), ended_ns == 0 ? -1 : kSliceMs);
    if ((waiting[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
      is_open = ReadSome(error_pipe, filter);
    }
    ForwardSignals(signals, child);
    if (ended_ns == 0 && waitpid(child, &status, WNOHANG) == child) {
      ended_ns = base::SteadyClockNs();
    }
  }
  filter->End();
  return status;
}

bool Concerns(std::string_view entry, std::string_view name) {
  return entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=';
}

bool HasInterpreter(int fd, bool* is_elf) {
  Elf64_Ehdr header = {};
  *is_elf = pread(fd, &header, sizeof header, 0) == ssize_t{sizeof header} &&
            std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0;
  for (uint64_t i = 0; *is_elf && i < header.e_phnum; ++i) {
    Elf64_Phdr program = {};
    const uint64_t at = header.e_phoff + i * sizeof program;
    if (pread(fd, &program, sizeof program, static_cast<off_t>(at)) != ssize_t{sizeof program}) {
      return true;  // not for us to judge
    }
    if (program.p_type == PT_INTERP) return true;
  }
  return false;
}

std::string FindProgram(const std::string& name) {
  if (name.find('/') != name.npos) return access(name.c_str(), X_OK) == 0 ? name : "";
  const char* path = std::getenv("PATH");
  const std::vector<std::string> directories =
      absl::StrSplit(path == nullptr ? "/usr/bin:/bin" : path, ':');
  for (const std::string& directory : directories) {
    std::string file = absl::StrCat(directory.empty() ? "." : directory, "/", name);
    struct stat status = {};
    if (access(file.c_str(), X_OK) == 0 && stat(file.c_str(), &status) == 0 &&
        S_ISREG(status.st_mode)) {
      return file;
    }
  }
  return "";
}

}  // namespace

int RunEnd::ExitStatus() const {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

std::vector<std::string> RunEnvironment(absl::Span<const char* const> entries,
                                        const std::string& preload, const std::string& directory) {
  std::vector<std::string> preloads = {preload};
  std::vector<std::string> environment;
  for (const char* entry : entries) {
    const std::string_view text(entry == nullptr ? "" : entry);
    if (Concerns(text, "LD_PRELOAD")) {
      const std::vector<std::string> others = absl::StrSplit(
          std::string(text.substr(text.find('=') + 1)), absl::ByAnyChar(" :"), absl::SkipEmpty());
      for (const std::string& other : others) {
        if (!other.ends_with("libpodo_preload.so")) preloads.push_back(other);
      }
      continue;
    }
    bool is_ours = text.empty();
    for (const char* name : {"PODO_EXPORT", "PODO_LOG", "PODO_LISTEN", "PODO_SPOOL_DIR",
                             "PODO_HISTORY_DIR", "PODO_HISTORY_BYTES"}) {
      is_ours = is_ours || Concerns(text, name);
    }
    if (!is_ours) environment.emplace_back(text);
  }
  environment.push_back(absl::StrCat("LD_PRELOAD=", absl::StrJoin(preloads, ":")));
  environment.push_back(absl::StrCat("PODO_EXPORT=file://", directory, "/"));
  environment.emplace_back("PODO_LOG=info");
  return environment;
}

base::StatusOr<RunEnd> RunProgram(const std::vector<std::string>& program,
                                  const std::vector<std::string>& environment,
                                  const sigset_t& program_mask) {
  base::OwnedFd error_read, error_write, exec_read, exec_write;
  if (!MakePipe(&error_read, &error_write) || !MakePipe(&exec_read, &exec_write)) {
    return base::ResourceExhaustedError(absl::StrCat("pipe: ", std::strerror(errno)));
  }
  sigset_t watched, before;
  sigemptyset(&watched);
  for (const int signal : kForwarded) sigaddset(&watched, signal);
  sigaddset(&watched, SIGCHLD);
  pthread_sigmask(SIG_BLOCK, &watched, &before);
  const base::OwnedFd signals(signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  const std::vector<char*> arguments = Pointers(program);
  const std::vector<char*> variables = Pointers(environment);

  const pid_t child = fork();
  if (child == 0) {
    dup2(error_write.get(), STDERR_FILENO);
    pthread_sigmask(SIG_SETMASK, &program_mask, nullptr);
    execvpe(arguments[0], arguments.data(), variables.data());
    const int error = errno;
    (void)!write(exec_write.get(), &error, sizeof error);
    _exit(127);
  }
  const int fork_error = errno;
  error_write.Close();
  exec_write.Close();
  if (child < 0) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return base::ResourceExhaustedError(absl::StrCat("fork: ", std::strerror(fork_error)));
  }
  RunEnd end;
  LineFilter filter(&end.log_lines);
  end.wait_status = Attend(child, signals.get(), error_read.get(), &filter);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  int exec_error = 0;
  if (read(exec_read.get(), &exec_error, sizeof exec_error) == ssize_t{sizeof exec_error}) {
    return base::NotFoundError(absl::StrCat(program[0], ": ", std::strerror(exec_error)));
  }
  return end;
}

ProgramFacts LookAtProgram(const std::string& name) {
  ProgramFacts facts;
  facts.path = FindProgram(name);
  const base::OwnedFd file(open(facts.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status = {};
  if (stat(facts.path.c_str(), &status) == 0) {
    facts.gains_privileges = (status.st_mode & (S_ISUID | S_ISGID)) != 0 ||
                             getxattr(facts.path.c_str(), "security.capability", nullptr, 0) > 0;
  }
  bool is_elf = false;
  facts.is_static = file.get() >= 0 && !HasInterpreter(file.get(), &is_elf) && is_elf;
  return facts;
}

}  // namespace podo::doctor
