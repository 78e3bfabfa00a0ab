// SPDX-License-Identifier: Apache-2.0
#include "serve/profile_forms.h"

#include <map>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "encode/flame_document.h"
#include "encode/flame_page.h"
#include "encode/folded.h"
#include "encode/pprof_encoder.h"
#include "model/merge.h"
#include "serve/answers.h"

namespace podo::serve {
namespace {

using history::ProfileAnswer;
using model::Profile;

// The page loads nothing, and what it holds runs nowhere but here.
constexpr char kPagePolicy[] =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

Response Html(std::string page) {
  Response response;
  response.content_type = kHtmlType;
  response.headers.emplace_back("Content-Security-Policy", kPagePolicy);
  response.body = std::move(page);
  return response;
}

Response Pprof(const Profile& profile, const char* name) {
  base::StatusOr<std::string> bytes = encode::EncodePprofGz(profile);
  if (!bytes.ok()) return JsonError(bytes.status());
  Response response;
  response.content_type = kBinaryType;
  response.headers.emplace_back("Content-Disposition",
                                absl::StrCat("attachment; filename=\"", name, ".pb.gz\""));
  response.body = *std::move(bytes);
  return response;
}

Response Folded(std::string text) {
  Response response;
  response.body = std::move(text);
  return response;
}

std::string Document(absl::Span<const Profile* const> profiles, const std::string& title) {
  return encode::FlameDocument(profiles, {title, "cpu"});
}

// `after` with `before`'s values subtracted: what -base makes of two files.
Profile Subtract(const Profile& before, const Profile& after) {
  model::ProfileBuilder builder({});
  for (const model::ValueType& type : after.sample_types) {
    builder.profile().sample_types.push_back(
        {builder.AddString(after.String(type.type)), builder.AddString(after.String(type.unit))});
  }
  model::MergeProfile(after, &builder, model::Links::kDrop);
  Profile negative = before;
  for (int64_t& value : negative.values) value = -value;
  model::MergeProfile(negative, &builder, model::Links::kDrop);
  return builder.Take();
}

// "stack" -> its two values, from "stack value" lines.
std::string FoldedDifference(const Profile& before, const Profile& after) {
  std::map<std::string, std::pair<std::string, std::string>> lines;
  const auto add = [&lines](const std::string& text, bool is_after) {
    for (std::string_view rest = text; !rest.empty();) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const size_t blank = line.rfind(' ');
      if (blank == std::string_view::npos) continue;
      auto& both = lines[std::string(line.substr(0, blank))];
      (is_after ? both.second : both.first) = std::string(line.substr(blank + 1));
    }
  };
  add(encode::EncodeFolded(before), false);
  add(encode::EncodeFolded(after), true);
  std::string text;
  for (const auto& [stack, values] : lines) {
    absl::StrAppend(&text, stack, " ", values.first.empty() ? "0" : values.first, " ",
                    values.second.empty() ? "0" : values.second, "\n");
  }
  return text;
}

}  // namespace

bool ReadForm(const Target& target, Form* form, BadRequest* bad) {
  const std::string* text = target.Find("format");
  *form = Form::kJson;
  if (text == nullptr || *text == "json") return true;
  if (*text == "pprof") *form = Form::kPprof;
  if (*text == "folded") *form = Form::kFolded;
  if (*text == "html") *form = Form::kHtml;
  if (*form != Form::kJson) return true;
  *bad = {"format", absl::StrCat("format: \"", text->substr(0, 60),
                                 "\" is not known; accepted: json, pprof, folded, html")};
  return false;
}

Response ProfileInForm(const ProfileAnswer& answer, Form form, const std::string& title) {
  Response response;
  switch (form) {
    case Form::kJson:
      return JsonAnswer(absl::StrCat("{\"resolution\":", ResolutionJson(answer.resolution),
                                     ",\"flame\":", Document({&answer.profile}, title), "}\n"));
    case Form::kPprof:
      response = Pprof(answer.profile, "profile");
      break;
    case Form::kFolded:
      response = Folded(encode::EncodeFolded(answer.profile));
      break;
    case Form::kHtml:
      response = Html(encode::FlameGraphPage(answer.profile, {title, "cpu"}));
      break;
  }
  AddResolution(answer.resolution, &response);
  return response;
}

Response DifferenceInForm(const ProfileAnswer& before, const ProfileAnswer& after, Form form,
                          const std::string& title) {
  Response response;
  switch (form) {
    case Form::kJson:
      return JsonAnswer(
          absl::StrCat("{\"resolution\":", ResolutionJson(after.resolution),
                       ",\"base_resolution\":", ResolutionJson(before.resolution),
                       ",\"flame\":", Document({&before.profile, &after.profile}, title), "}\n"));
    case Form::kPprof:
      response = Pprof(Subtract(before.profile, after.profile), "difference");
      break;
    case Form::kFolded:
      response = Folded(FoldedDifference(before.profile, after.profile));
      break;
    case Form::kHtml:
      response = Html(encode::DiffPage(before.profile, after.profile, {title, "cpu"}));
      break;
  }
  AddResolution(after.resolution, &response);
  return response;
}

}  // namespace podo::serve
