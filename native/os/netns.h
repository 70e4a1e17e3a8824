// Network namespaces. setns(2) and unshare(2) change the calling thread only, so each call runs on
// a thread of its own that ends with it: no thread of the process ever leaves its namespace.
#pragma once
#include <functional>
#include <string>

namespace vethwall::os {

// Runs `body` inside the namespace behind `netns_fd` (-1: here); what it throws is rethrown.
void run_in_netns(int netns_fd, const std::function<void()>& body);
// A new namespace, bind-mounted over `path`, which is created if absent.
void netns_create(const std::string& path);
// The namespace behind `fd` over `path`, which is created if absent.
void netns_bind(int fd, const std::string& path);

}  // namespace vethwall::os
