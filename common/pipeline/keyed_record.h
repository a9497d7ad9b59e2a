// What a keyed data set's records are between KeyBy and the shuffle.
#pragma once

#include <cstdint>

#include "common/record/codec.h"
#include "common/record/describe.h"

namespace millrace {

template <typename K, typename V>
struct KeyValue {
  using Key = K;
  using Value = V;
  K key;
  V value;
};

template <typename T>
struct Numbered {
  uint64_t row = 0;  // 0-based over the whole data set, in its order
  T record;
};

// A record and what it and all before it add up to.
template <typename S, typename T>
struct Running {
  S total;
  T record;
};

template <typename K, typename V>
struct Codec<KeyValue<K, V>> {
  static void Encode(const KeyValue<K, V>& x, std::string* out) {
    Codec<K>::Encode(x.key, out);
    Codec<V>::Encode(x.value, out);
  }
  static bool Decode(ByteReader& in, KeyValue<K, V>* x) {
    return Codec<K>::Decode(in, &x->key) && Codec<V>::Decode(in, &x->value);
  }
};

template <typename T>
struct Codec<Numbered<T>> {
  static void Encode(const Numbered<T>& x, std::string* out) {
    Codec<uint64_t>::Encode(x.row, out);
    Codec<T>::Encode(x.record, out);
  }
  static bool Decode(ByteReader& in, Numbered<T>* x) {
    return Codec<uint64_t>::Decode(in, &x->row) && Codec<T>::Decode(in, &x->record);
  }
};

template <typename S, typename T>
struct Codec<Running<S, T>> {
  static void Encode(const Running<S, T>& x, std::string* out) {
    Codec<S>::Encode(x.total, out);
    Codec<T>::Encode(x.record, out);
  }
  static bool Decode(ByteReader& in, Running<S, T>* x) {
    return Codec<S>::Decode(in, &x->total) && Codec<T>::Decode(in, &x->record);
  }
};

}  // namespace millrace
