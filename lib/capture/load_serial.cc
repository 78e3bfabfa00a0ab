// SPDX-License-Identifier: Apache-2.0
#include "capture/load_serial.h"

#include <link.h>

#include <algorithm>
#include <array>
#include <vector>

namespace podo::capture {
namespace {

constexpr size_t kWords = 200;       // glibc 2.36 keeps the number at byte 1184
constexpr size_t kLeastModules = 4;  // program, libc, loader and one more: fewer prove nothing
constexpr size_t kMaxModules = 256;
constexpr uint64_t kMaxSerial = 1'000'000;

using MapWords = std::array<uint64_t, kWords>;

// The words of a link_map. It may end, and the mapping with it, before they do: those are 0 then.
bool ReadMap(ProcessView& process, uint64_t at, MapWords* words) {
  constexpr uint64_t kPageBytes = 4096;
  *words = {};
  char* to = reinterpret_cast<char*>(words->data());
  const size_t first = std::min<uint64_t>(sizeof(*words), kPageBytes - at % kPageBytes);
  if (!process.Read(at, to, first)) return false;
  if (first < sizeof(*words)) process.Read(at + first, to + first, sizeof(*words) - first);
  return first >= sizeof(link_map) || (*words)[offsetof(link_map, l_ld) / sizeof(uint64_t)] != 0;
}

// The private part of each link_map, in the loader's order.
std::vector<MapWords> ReadMaps(ProcessView& process, uint64_t own_address) {
  std::vector<MapWords> maps;
  ModuleIdentity own;
  link_map map;
  if (!process.FindObject(own_address, &own)) return maps;
  uint64_t at = own.link_map;
  for (size_t i = 0; i < kMaxModules && process.Read(at, &map, sizeof(map)); ++i) {
    if (map.l_prev == nullptr) break;
    at = reinterpret_cast<uint64_t>(map.l_prev);
  }
  MapWords words;
  while (at != 0 && maps.size() < kMaxModules && ReadMap(process, at, &words)) {
    maps.push_back(words);
    at = words[offsetof(link_map, l_next) / sizeof(uint64_t)];
  }
  return maps;
}

bool CountsLoads(const std::vector<MapWords>& maps, size_t word) {
  int zeros = 0;
  uint64_t last = 0;
  for (const MapWords& map : maps) {
    if (map[word] == 0) {
      ++zeros;
      continue;
    }
    if (map[word] <= last || map[word] > kMaxSerial) return false;
    last = map[word];
  }
  return maps[0][word] == 0 && zeros <= 2;
}

}  // namespace

uint32_t FindSerialOffset(ProcessView& process, uint64_t own_address) {
  const std::vector<MapWords> maps = ReadMaps(process, own_address);
  if (maps.size() < kLeastModules) return 0;
  size_t found = 0;
  for (size_t word = sizeof(link_map) / sizeof(uint64_t); word < kWords; ++word) {
    if (!CountsLoads(maps, word)) continue;
    if (found != 0) return 0;
    found = word;
  }
  return static_cast<uint32_t>(found * sizeof(uint64_t));
}

}  // namespace podo::capture
