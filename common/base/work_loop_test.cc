#include "common/base/work_loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "common/base/write_queue.h"

namespace millrace {
namespace {

using Loop = WorkLoop<int>;
constexpr auto kNever = [] { return Loop::Time::max(); };

TEST(WorkLoop, AnIdleLoopRunsOnTheThreadThatBringsTheItem) {
  std::promise<std::thread::id> ran;
  Loop loop("test", 10,
            {[&](std::deque<int>& batch) {
               if (!batch.empty()) ran.set_value(std::this_thread::get_id());
             },
             kNever, nullptr});
  loop.Start();
  // The loop's own thread may still be busy with its first, empty batch: then it takes the item itself.
  bool here = false;
  for (int tries = 0; tries < 100000 && !here; ++tries) {
    ran = {};
    std::future<std::thread::id> where = ran.get_future();
    ASSERT_TRUE(loop.Post(tries));
    here = where.get() == std::this_thread::get_id();
  }
  EXPECT_TRUE(here);
  ran = {};
  std::future<std::thread::id> where = ran.get_future();
  ASSERT_TRUE(loop.Post(0, /*here=*/false));
  EXPECT_NE(where.get(), std::this_thread::get_id());
}

TEST(WorkLoop, OneBatchAtATimeInOrderOfEachThreadAndNothingLost) {
  constexpr int kThreads = 4, kItems = 5000;
  std::atomic<int> inside{0};
  std::vector<int> last(kThreads, -1);
  int handled = 0;
  bool ordered = true, alone = true, small = true;
  Loop loop("test", 16,
            {[&](std::deque<int>& batch) {
               alone &= inside++ == 0;
               small &= batch.size() <= 16;
               for (const int item : batch) {
                 ordered &= item / kThreads == last[item % kThreads] + 1;
                 last[item % kThreads] = item / kThreads;
                 ++handled;
               }
               --inside;
             },
             kNever, nullptr});
  loop.Start();
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&loop, thread] {
      for (int i = 0; i < kItems; ++i) EXPECT_TRUE(loop.Post(i * kThreads + thread, /*here=*/thread != 0));
    });
  }
  for (std::thread& thread : threads) thread.join();
  loop.Stop(true);
  EXPECT_TRUE(ordered);
  EXPECT_TRUE(alone);
  EXPECT_TRUE(small);
  EXPECT_EQ(handled, kThreads * kItems);
  EXPECT_FALSE(loop.Post(1));
}

TEST(WorkLoop, WhatRunBringsAboutComesAfterIt) {
  std::vector<int> order;
  std::promise<void> done;
  std::optional<Loop> loop;
  loop.emplace("test", 10,
               Loop::Work{[&](std::deque<int>& batch) {
                            for (const int item : batch) {
                              order.push_back(item);
                              if (item < 100) loop->Post(item + 1);
                              order.push_back(-item);
                              if (item == 100) done.set_value();
                            }
                          },
                          kNever, nullptr});
  loop->Start();
  loop->Post(1);
  done.get_future().wait();
  loop->Stop(true);
  ASSERT_EQ(order.size(), 200u);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(order[2 * i], i + 1);
    EXPECT_EQ(order[2 * i + 1], -(i + 1));
  }
}

TEST(WorkLoop, RunsWhenTheTimeHasComeThoughNobodyPosts) {
  std::promise<void> due;
  int empty = 0;
  Loop loop("test", 10,
            {[&](std::deque<int>& batch) {
               if (batch.empty() && ++empty == 3) due.set_value();
             },
             [&] {
               return empty < 3 ? std::chrono::steady_clock::now() + std::chrono::milliseconds(1)
                                : Loop::Time::max();
             },
             nullptr});
  loop.Start();
  due.get_future().wait();
}

TEST(WorkLoop, AfterCloseTheRestIsDroppedAndNothingTaken) {
  std::vector<int> ran, dropped;
  std::optional<Loop> loop;
  loop.emplace("test", 1,
               Loop::Work{[&](std::deque<int>& batch) {
                            for (const int item : batch) ran.push_back(item);
                            if (!batch.empty()) loop->Close();
                          },
                          kNever, [&](int& item) { dropped.push_back(item); }});
  for (const int item : {1, 2, 3}) EXPECT_TRUE(loop->Post(item)) << "kept until the start";
  loop->Start();
  loop->Stop(true);
  EXPECT_EQ(ran, std::vector<int>({1}));
  EXPECT_EQ(dropped, std::vector<int>({2, 3}));
  EXPECT_FALSE(loop->Post(4));
}

struct Written {
  std::vector<std::string> started;
  int ends = 0;
  WriteQueue<std::string> queue{{[this](const std::string& message) { started.push_back(message); },
                                 [](std::string& last, const std::string& next) {
                                   if (next == "!") return false;
                                   last += next;
                                   return true;
                                 },
                                 [this] { ++ends; }}};
};

TEST(WriteQueue, WhatWaitsIsJoined) {
  Written w;
  for (const char* text : {"a", "b", "c", "!", "d"}) w.queue.Push(text);
  EXPECT_EQ(w.started, std::vector<std::string>({"a"})) << "one write at a time";
  w.queue.Written(true);
  w.queue.Written(true);
  w.queue.Written(true);
  EXPECT_EQ(w.started, std::vector<std::string>({"a", "bc", "!d"}));
  w.queue.Push("e");
  EXPECT_EQ(w.started.back(), "e");
}

TEST(WriteQueue, EndsOnceWhenClosedAndNothingIsOnItsWay) {
  Written orderly;
  orderly.queue.Push("a");
  orderly.queue.Push("b");
  orderly.queue.Close(false);
  orderly.queue.Push("c");
  orderly.queue.Written(true);
  EXPECT_EQ(orderly.ends, 0);
  orderly.queue.Written(true);
  EXPECT_EQ(orderly.started, std::vector<std::string>({"a", "b"}));
  EXPECT_EQ(orderly.ends, 1);
  orderly.queue.Close(true);
  EXPECT_EQ(orderly.ends, 1);

  Written failed;
  failed.queue.Push("a");
  failed.queue.Push("b");
  failed.queue.Written(false);
  EXPECT_EQ(failed.started.size(), 1u);
  EXPECT_EQ(failed.ends, 1);

  Written idle;
  idle.queue.Close(true);
  idle.queue.Push("a");
  EXPECT_TRUE(idle.started.empty());
  EXPECT_EQ(idle.ends, 1);
}

}  // namespace
}  // namespace millrace
