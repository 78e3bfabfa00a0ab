// SPDX-License-Identifier: Apache-2.0
// OTLP profile requests read back by field numbers written here a second time (from
// opentelemetry-proto 1.10), so that a wrong number in otlp_fields.h does not agree with itself.
#ifndef PODO_TESTS_UNIT_ENCODE_OTLP_DECODE_H_
#define PODO_TESTS_UNIT_ENCODE_OTLP_DECODE_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <protozero/pbf_reader.hpp>
#include <set>
#include <string>
#include <vector>

namespace podo::encode::otlp_test {

// One message: its fields by number; numbers in `ints` (packed ones too), the rest in `bytes`.
struct Message {
  std::map<uint32_t, std::vector<uint64_t>> ints;
  std::map<uint32_t, std::vector<std::string>> bytes;

  explicit Message(const std::string& text, const std::set<uint32_t>& packed = {}) {
    protozero::pbf_reader reader(text);
    while (reader.next()) {
      const uint32_t field = reader.tag();
      if (reader.wire_type() == protozero::pbf_wire_type::varint) {
        ints[field].push_back(reader.get_uint64());
      } else if (reader.wire_type() == protozero::pbf_wire_type::fixed64) {
        ints[field].push_back(reader.get_fixed64());
      } else if (packed.count(field) != 0) {
        for (const uint64_t value : reader.get_packed_uint64()) ints[field].push_back(value);
      } else {
        bytes[field].push_back(reader.get_string());
      }
    }
  }
  uint64_t Int(uint32_t field) const { return ints.count(field) ? ints.at(field).back() : 0; }
  std::vector<uint64_t> Ints(uint32_t field) const {
    return ints.count(field) ? ints.at(field) : std::vector<uint64_t>{};
  }
  std::string Bytes(uint32_t field) const {
    return bytes.count(field) ? bytes.at(field).back() : "";
  }
  // A copy: loops over the fields of a message that is a temporary.
  std::vector<std::string> All(uint32_t field) const {
    return bytes.count(field) ? bytes.at(field) : std::vector<std::string>{};
  }
};

// An AnyValue as text: strings as they are, numbers as i:N, flags as b:N, arrays in brackets.
inline std::string AnyText(const std::string& text) {
  const Message any(text);
  if (any.bytes.count(1)) return any.Bytes(1);
  if (any.ints.count(3)) return "i:" + std::to_string(static_cast<int64_t>(any.Int(3)));
  if (any.ints.count(2)) return "b:" + std::to_string(any.Int(2));
  std::string array = "[";
  for (const std::string& value : Message(any.Bytes(5)).All(1)) array += AnyText(value) + ";";
  return array + "]";
}

class Request {
 public:
  explicit Request(const std::string& text)
      : whole_(text), dictionary_(whole_.Bytes(2)), resource_profiles_(whole_.Bytes(1)) {}

  // 1 mapping, 2 location, 3 function, 4 link, 5 string, 6 attribute, 7 stack.
  std::vector<std::string> Table(uint32_t number) const { return dictionary_.All(number); }
  const Message& resource_profiles() const { return resource_profiles_; }
  Message scope_profiles() const { return Message(resource_profiles_.Bytes(2)); }
  std::vector<Message> profiles() const {
    std::vector<Message> all;
    for (const std::string& text : scope_profiles().All(2)) all.emplace_back(text, kProfilePacked);
    return all;
  }
  std::string String(uint64_t index) const { return strings_.at(index); }

  std::vector<std::string> ResourceTexts() const {
    std::vector<std::string> texts;
    for (const std::string& attribute : Message(resource_profiles_.Bytes(1)).All(1)) {
      const Message key_value(attribute);
      texts.push_back(key_value.Bytes(1) + "=" + AnyText(key_value.Bytes(2)));
    }
    return texts;
  }
  std::string AttributeText(uint64_t index) const {
    const Message attribute(Table(6).at(index));
    return String(attribute.Int(1)) + "=" + AnyText(attribute.Bytes(2)) + String(attribute.Int(3));
  }
  std::string TypeText(const Message& profile, uint32_t field) const {
    const Message type(profile.Bytes(field));
    return String(type.Int(1)) + "/" + String(type.Int(2));
  }
  std::string LocationText(uint64_t index) const {
    const Message location(Table(2).at(index), {4});
    std::string text;
    if (location.All(3).empty()) text = std::to_string(location.Int(2) & 0xfff) + " ";
    for (const std::string& bytes : location.All(3)) {
      const Message line(bytes);
      const Message function(Table(3).at(line.Int(1)));
      text += String(function.Int(1)) + ":" + std::to_string(line.Int(2)) + " ";
    }
    return text;
  }
  // "leaf first frames | attributes | link | value", sorted.
  std::vector<std::string> SampleTexts(const Message& profile) const {
    std::vector<std::string> texts;
    for (const std::string& bytes : profile.All(2)) {
      const Message sample(bytes, {2, 4});
      std::string text;
      const Message stack(Table(7).at(sample.Int(1)), {1});
      for (const uint64_t location : stack.Ints(1)) text += LocationText(location);
      text += "|";
      for (const uint64_t attribute : sample.Ints(2)) text += " " + AttributeText(attribute);
      text += " | " + LinkText(sample.Int(3)) + "|";
      for (const uint64_t value : sample.Ints(4)) {
        text += " " + std::to_string(static_cast<int64_t>(value));
      }
      texts.push_back(text);
    }
    std::sort(texts.begin(), texts.end());
    return texts;
  }
  int64_t Total(const Message& profile) const {
    int64_t sum = 0;
    for (const std::string& bytes : profile.All(2)) {
      for (const uint64_t value : Message(bytes, {2, 4}).Ints(4))
        sum += static_cast<int64_t>(value);
    }
    return sum;
  }
  // What is wrong with the dictionary: no zero value, entries twice, without use, out of range.
  std::vector<std::string> Faults() const;

 private:
  static inline const std::set<uint32_t> kProfilePacked = {11};
  std::string LinkText(uint64_t index) const {
    const Message link(Table(4).at(index));
    std::string text;
    for (const char c : link.Bytes(1) + link.Bytes(2)) {
      text += "0123456789abcdef"[static_cast<uint8_t>(c) >> 4];
      text += "0123456789abcdef"[c & 15];
    }
    return text + (text.empty() ? "" : " ");
  }

  Message whole_, dictionary_, resource_profiles_;
  std::vector<std::string> strings_ = Table(5);
};

inline std::vector<std::string> Request::Faults() const {
  std::vector<std::string> faults;
  std::map<uint32_t, std::set<uint64_t>> used;  // by table
  const auto use = [&](uint32_t table, const std::vector<uint64_t>& indices) {
    for (const uint64_t index : indices) used[table].insert(index);
  };
  for (const Message& profile : profiles()) {
    for (const uint32_t field : {1, 5}) {
      if (profile.All(field).empty()) faults.push_back("no value type");
      use(5, {Message(profile.Bytes(field)).Int(1), Message(profile.Bytes(field)).Int(2)});
    }
    use(6, profile.Ints(11));
    for (const std::string& bytes : profile.All(2)) {
      const Message sample(bytes, {2, 4});
      use(7, {sample.Int(1)});
      use(6, sample.Ints(2));
      use(4, {sample.Int(3)});
      if (sample.Ints(4).size() != 1) faults.push_back("not one value");
      if (!sample.Ints(5).empty()) faults.push_back("timestamps");
    }
  }
  for (const std::string& bytes : Table(7)) use(2, Message(bytes, {1}).Ints(1));
  for (const std::string& bytes : Table(2)) {
    const Message location(bytes, {4});
    use(1, {location.Int(1)});
    use(6, location.Ints(4));
    for (const std::string& line : location.All(3)) use(3, {Message(line).Int(1)});
  }
  for (const std::string& bytes : Table(1)) {
    use(5, {Message(bytes, {5}).Int(4)});
    use(6, Message(bytes, {5}).Ints(5));
  }
  for (const std::string& bytes : Table(3)) {
    use(5, {Message(bytes).Int(1), Message(bytes).Int(2), Message(bytes).Int(3)});
  }
  for (const std::string& bytes : Table(6)) use(5, {Message(bytes).Int(1), Message(bytes).Int(3)});
  for (uint32_t table = 1; table <= 7; ++table) {
    const std::vector<std::string>& entries = Table(table);
    const std::string name = "table " + std::to_string(table);
    if (entries.empty() || !entries[0].empty()) faults.push_back(name + " begins with no zero");
    if (std::set(entries.begin(), entries.end()).size() != entries.size()) {
      faults.push_back(name + " has an entry twice");
    }
    used[table].insert(0);
    if (*used[table].rbegin() >= entries.size()) faults.push_back(name + " index out of range");
    if (used[table].size() != entries.size()) faults.push_back(name + " has an orphan");
  }
  return faults;
}

}  // namespace podo::encode::otlp_test

#endif  // PODO_TESTS_UNIT_ENCODE_OTLP_DECODE_H_
