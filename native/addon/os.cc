// src/intercept/os.ts `Os`, but for `bpf`, and what src/dpd/leftovers.ts asks for.
#include <malloc.h>
#include <unistd.h>

#include "addon/exports.h"
#include "addon/values.h"
#include "os/ethtool.h"
#include "os/flock.h"
#include "os/mount.h"
#include "os/netlink.h"
#include "os/netns.h"
#include "os/rename.h"
#include "os/sysctl.h"
#include "os/unix_exchange.h"

namespace vethwall::addon {
namespace {

using Napi::CallbackInfo;
using Napi::Value;

void netns_create(const CallbackInfo& info) {
  guarded(info, [&] { os::netns_create(text_of(info[0])); });
}

void netns_bind(const CallbackInfo& info) {
  guarded(info, [&] { os::netns_bind(int_of(info[0]), text_of(info[1])); });
}

void unmount(const CallbackInfo& info) {
  guarded(info, [&] { os::unmount(text_of(info[0])); });
}

void mount_bpffs(const CallbackInfo& info) {
  guarded(info, [&] { os::mount_bpffs(text_of(info[0])); });
}

Value netlink_open(const CallbackInfo& info) {
  return guarded(info, [&] {
    os::Fd fd = os::netlink_open(int_of(info[0]), int_of(info[1]));
    return Napi::Number::New(info.Env(), fd.release());
  });
}

Value netlink_request(const CallbackInfo& info) {
  return guarded(info, [&] {
    return to_octets(info.Env(),
                     os::netlink_request(int_of(info[0]), octets_of(info[1]), int_of(info[2])));
  });
}

Value netlink_subscribe(const CallbackInfo& info) {
  return guarded(info, [&] {
    const auto list = info[2].As<Napi::Array>();
    std::vector<int> groups;
    for (uint32_t i = 0; i < list.Length(); i++) groups.push_back(int_of(list.Get(i)));
    os::Fd fd = os::netlink_subscribe(int_of(info[0]), int_of(info[1]), groups);
    return Napi::Number::New(info.Env(), fd.release());
  });
}

Value netlink_drain(const CallbackInfo& info) {
  return guarded(info, [&] {
    const auto octets = os::netlink_drain(int_of(info[0]));
    return octets ? Value(to_octets(info.Env(), *octets)) : Value(info.Env().Null());
  });
}

Value netns_read_files(const CallbackInfo& info) {
  return guarded(info, [&] {
    const auto texts = os::netns_read_files(int_of(info[0]), texts_of(info[1]));
    Napi::Array array = Napi::Array::New(info.Env(), texts.size());
    for (uint32_t i = 0; i < texts.size(); i++) {
      array.Set(
          i, texts[i] ? Value(Napi::String::New(info.Env(), *texts[i])) : Value(info.Env().Null()));
    }
    return array;
  });
}

// Of each folder [name, text, name, text, …]: an array for each file would double them.
Value netns_read_folders(const CallbackInfo& info) {
  return guarded(info, [&] {
    const auto folders = os::netns_read_folders(int_of(info[0]), texts_of(info[1]));
    Napi::Array all = Napi::Array::New(info.Env(), folders.size());
    for (uint32_t i = 0; i < folders.size(); i++) {
      Napi::Array files = Napi::Array::New(info.Env(), 2 * folders[i].size());
      uint32_t at = 0;
      for (const auto& [name, text] : folders[i]) {
        files.Set(at++, Napi::String::New(info.Env(), name));
        files.Set(at++, Napi::String::New(info.Env(), text));
      }
      all.Set(i, files);
    }
    return all;
  });
}

Value netns_write_files(const CallbackInfo& info) {
  return guarded(info, [&] {
    const auto pairs = info[1].As<Napi::Array>();
    std::vector<std::pair<std::string, std::string>> files;
    for (uint32_t i = 0; i < pairs.Length(); i++) {
      const std::vector<std::string> pair = texts_of(pairs.Get(i));
      if (pair.size() != 2) throw Napi::TypeError::New(info.Env(), "expected [path, text]");
      files.emplace_back(pair[0], pair[1]);
    }
    const std::vector<int> errors = os::netns_write_files(int_of(info[0]), files);
    Napi::Array array = Napi::Array::New(info.Env(), errors.size());
    for (uint32_t i = 0; i < errors.size(); i++) {
      array.Set(i, Napi::Number::New(info.Env(), errors[i]));
    }
    return array;
  });
}

void ethtool_features_off(const CallbackInfo& info) {
  guarded(info,
          [&] { os::ethtool_features_off(int_of(info[0]), text_of(info[1]), texts_of(info[2])); });
}

Value ethtool_features_on(const CallbackInfo& info) {
  return guarded(info, [&] {
    const auto names =
        os::ethtool_features_on(int_of(info[0]), text_of(info[1]), texts_of(info[2]));
    Napi::Array array = Napi::Array::New(info.Env(), names.size());
    for (uint32_t i = 0; i < names.size(); i++) {
      array.Set(i, Napi::String::New(info.Env(), names[i]));
    }
    return array;
  });
}

Value flock(const CallbackInfo& info) {
  return guarded(info, [&] {
    return Napi::Boolean::New(info.Env(), os::lock_exclusive(int_of(info[0]), int_of(info[1])));
  });
}

void rename_exchange(const CallbackInfo& info) {
  guarded(info, [&] { os::rename_exchange(text_of(info[0]), text_of(info[1])); });
}

Value unix_send(const CallbackInfo& info) {
  return guarded(info, [&] {
    os::Fd fd = os::unix_send(text_of(info[0]), octets_of(info[1]), int_of(info[2]));
    return Napi::Number::New(info.Env(), fd.release());
  });
}

Value unix_answer(const CallbackInfo& info) {
  return guarded(info, [&] {
    const std::string end = text_of(info[1]);
    const os::AnswerLimit limit = {end, uint32_of(info[2]), int_of(info[3])};
    return to_octets(info.Env(), os::unix_answer(os::Fd(int_of(info[0])), limit));
  });
}

// Not exit(3): destructors and what Node has registered take some ms, and free what the kernel
// frees.
void exit_at_once(const CallbackInfo& info) { ::_exit(int_of(info[0])); }

void close_fd(const CallbackInfo& info) {
  guarded(info, [&] {
    const int fd = int_of(info[0]);
    os::check(::close(fd), "close", "fd " + std::to_string(fd));
  });
}

void malloc_trim_all(const CallbackInfo&) { ::malloc_trim(0); }

}  // namespace

void export_os(Napi::Env env, Napi::Object exports) {
  exports.Set("netnsCreate", Napi::Function::New<netns_create>(env));
  exports.Set("netnsBind", Napi::Function::New<netns_bind>(env));
  exports.Set("unmount", Napi::Function::New<unmount>(env));
  exports.Set("mountBpffs", Napi::Function::New<mount_bpffs>(env));
  exports.Set("netlinkOpen", Napi::Function::New<netlink_open>(env));
  exports.Set("netlinkRequest", Napi::Function::New<netlink_request>(env));
  exports.Set("netlinkSubscribe", Napi::Function::New<netlink_subscribe>(env));
  exports.Set("netlinkDrain", Napi::Function::New<netlink_drain>(env));
  exports.Set("netnsReadFiles", Napi::Function::New<netns_read_files>(env));
  exports.Set("netnsReadFolders", Napi::Function::New<netns_read_folders>(env));
  exports.Set("netnsWriteFiles", Napi::Function::New<netns_write_files>(env));
  exports.Set("ethtoolFeaturesOff", Napi::Function::New<ethtool_features_off>(env));
  exports.Set("ethtoolFeaturesOn", Napi::Function::New<ethtool_features_on>(env));
  exports.Set("flock", Napi::Function::New<flock>(env));
  exports.Set("renameExchange", Napi::Function::New<rename_exchange>(env));
  exports.Set("unixSend", Napi::Function::New<unix_send>(env));
  exports.Set("unixAnswer", Napi::Function::New<unix_answer>(env));
  exports.Set("exit", Napi::Function::New<exit_at_once>(env));
  exports.Set("mallocTrim", Napi::Function::New<malloc_trim_all>(env));
  exports.Set("close", Napi::Function::New<close_fd>(env));
}

}  // namespace vethwall::addon
