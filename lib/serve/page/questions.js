// SPDX-License-Identifier: Apache-2.0
// Asks the process for what the choice needs, again and again while the page is seen, and takes what
// goes wrong. What the answers look like on the page is the explorer's, which extends this.

const LEAST_REFRESH_MS = 1000;
const IDLE_REFRESH_MS = 30_000; // of a range that does not move: whether the process still runs
const MOST_RETRY_MS = 10_000;
const COST_SHARE = 20; // a question that took a second is asked every 20 at most
const LABELS_MS = 60_000;
const PX_PER_POINT = 3;

class Questions {
  constructor(choice) {
    this.choice = choice;
    this.api = new ProcessApi();
    this.due = { timeline: true, profile: true };
    this.status = this.answer = this.data = this.view = null;
    this.skewMs = 0; // the process' clock less ours
    this.failures = 0;
    this.costMs = 0;
    this.timing = {};
    this.notices = new Notices({
      onAgain: () => this.poll(),
      onToken: (token) => {
        this.api.token = token;
        this.poll();
      },
    });
  }

  now() {
    if (this.status && this.status.state === "stopped" && this.status.history.end_ms !== null) {
      return this.status.history.end_ms; // nothing comes after it
    }
    return Date.now() + this.skewMs;
  }

  // ---- when

  schedule(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.poll(), ms);
  }

  untilNext() {
    const { status, choice, view } = this;
    if (status.history.begin_ms === null) return Math.min(5000, Math.max(LEAST_REFRESH_MS, status.window_ms));
    if (!choice.isFollowing) return IDLE_REFRESH_MS;
    const perPoint = (view.until - view.from) / this.pointCount();
    const news = Math.min(IDLE_REFRESH_MS, Math.max(LEAST_REFRESH_MS, status.window_ms, perPoint));
    return choice.after ? news : Math.max(news, COST_SHARE * this.costMs);
  }

  // What is live moves on; what is chosen stays.
  async poll() {
    if (this.timeline.drag) return this.schedule(LEAST_REFRESH_MS); // the line holds still under a hand
    if (this.choice.isFollowing || !this.data) this.due.timeline = true;
    if ((this.choice.isFollowing && !this.choice.after) || !this.answer) this.due.profile = true;
    await this.refresh({ isPoll: true });
  }

  async refresh({ isPoll = false } = {}) {
    clearTimeout(this.timer);
    if (document.hidden) return; // asked again when it is seen
    try {
      if (isPoll || !this.status) await this.askStatus();
      this.view = this.choice.view(this.now(), this.status.history, this.status.window_ms);
      this.showChoice();
      if (this.status.history.begin_ms === null) {
        this.timeline.setPoints([], this.view, null);
        this.page.rebuild();
      } else {
        await Promise.all([this.due.timeline && this.askTimeline(), this.due.profile && this.askProfile()]);
      }
      this.failures = 0;
      this.isStuck = false;
      this.notices.say(noteOfStatus(this.status));
      this.schedule(this.untilNext());
    } catch (error) {
      this.failed(error);
    }
  }

  // What is on the screen stays there.
  failed(error) {
    if (error.name === "AbortError") return; // a newer question is under way
    Questions.setLoading(false);
    this.isStuck = true;
    if (!this.answer) this.page.rebuild();
    if (error instanceof Unreachable) {
      this.notices.say("Lost connection to the process, trying again. What is shown is from before.",
        "lost", { again: true });
      return this.schedule(Math.min(MOST_RETRY_MS, LEAST_REFRESH_MS * 2 ** this.failures++));
    }
    if (!(error instanceof Refused)) throw error;
    if (error.status === 401) {
      const wasRefused = this.api.token !== null;
      this.api.token = null;
      return this.notices.askToken({ wasRefused });
    }
    if ((error.parameter || "").startsWith("label~.")) this.patterns.setError(error.message);
    this.notices.say(`The process says: ${error.message}`, "error", { again: true });
    if (error.status >= 500) this.schedule(MOST_RETRY_MS / 2);
  }

  static setLoading(isLoading) {
    document.body.classList.toggle("is-loading", isLoading);
    $("main").setAttribute("aria-busy", String(isLoading));
  }

  // ---- what

  async askStatus() {
    const isFirst = this.status === null;
    this.status = await this.api.ask("status", "api/v1/status");
    this.skewMs = this.status.now_ms - Date.now();
    if (isFirst) this.bringIntoView();
    if ($("title").textContent === "podo") $("title").textContent = this.status.service;
  }

  // A link may tell of a range that is long past.
  bringIntoView() {
    const { choice } = this;
    const all = [choice.after, choice.before].filter(Boolean);
    if (all.length === 0 || !choice.isFollowing || choice.spanS === 0) return;
    const from = Math.min(...all.map((range) => range.from));
    const until = Math.max(...all.map((range) => range.until));
    const now = this.now();
    if (from >= now - choice.spanS * 1000) return;
    choice.spanS = Math.max(choice.spanS, Math.ceil((until - from) / 900));
    const end = until + (choice.spanS * 1000 - (until - from)) / 2;
    choice.endMs = end < now ? end : null;
  }

  pointCount() {
    return Math.max(50, Math.min(1000, Math.floor($("timeline").clientWidth / PX_PER_POINT)));
  }

  static rangeParams({ from, until }, prefix = "") {
    return [[`${prefix}from`, Math.floor(from)], [`${prefix}until`, Math.ceil(until)]];
  }

  patternParams() {
    return this.choice.patterns.map(({ key, pattern }) => [`label~.${key}`, pattern]);
  }

  async askLabels() {
    const params = new URLSearchParams(Questions.rangeParams(this.view));
    const { labels } = await this.api.ask("labels", "api/v1/labels", params);
    this.labelsAt = performance.now();
    const cpu = ({ values }) => values.reduce((sum, { cpu_ns: x }) => sum + x, 0);
    labels.sort((a, b) => cpu(b) - cpu(a));
    if (this.choice.by === null && labels.length > 0) {
      const telling = labels.find(({ values, more }) => values.length > 1 && more === 0);
      this.defaultBy = (telling || labels[0]).key;
    }
    this.showKeys(labels.map(({ key }) => key));
    this.showPanelKey();
  }

  by() {
    return this.choice.by === null ? this.defaultBy || "" : this.choice.by;
  }

  async askTimeline() {
    const { view } = this;
    if (!this.labelsAt || performance.now() - this.labelsAt > LABELS_MS) await this.askLabels();
    const params = new URLSearchParams([...Questions.rangeParams(view), ...this.patternParams()]);
    for (const [key, values] of this.page.labels.filter.wanted) {
      if (key === this.by()) continue; // see Explorer.litValues
      for (const value of values) params.append(`label.${key}`, value === null ? "" : value);
    }
    params.set("points", this.pointCount());
    if (this.by()) params.set("by", this.by());
    this.data = await this.api.ask("timeline", "api/v1/timeline", params);
    this.dataView = view;
    this.due.timeline = false;
    this.showTimeline();
  }

  profileQuestion() {
    const { choice, view } = this;
    const params = new URLSearchParams([...Questions.rangeParams(choice.after || view),
      ...(choice.before ? Questions.rangeParams(choice.before, "base_") : []), ...this.patternParams()]);
    return { path: choice.before ? "api/v1/diff" : "api/v1/profile", params };
  }

  async askProfile() {
    const { path, params } = this.profileQuestion();
    const question = `${path}?${params}`;
    if (question !== this.answered) {
      Questions.setLoading(true);
      const asked = performance.now();
      const answer = await this.api.ask("profile", path, params);
      const came = performance.now();
      this.answer = answer;
      const tree = new ProfileTree(answer.flame);
      const decoded = performance.now();
      this.showProfile(tree, path, params);
      const shown = performance.now();
      this.answered = question;
      this.costMs = came - asked;
      this.timing = {
        askMs: came - asked, decodeMs: decoded - came, showMs: shown - decoded, shownAtMs: shown,
      };
      Questions.setLoading(false);
    }
    this.due.profile = false;
  }
}
