// Undecided TCP flows, inline: held until released, skipped or settled, and sent as they came.
#include "test/engine_net.h"

using namespace vethwall;
using namespace vethwall::engine_test;

TEST(payload_waits_for_its_release) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    CHECK_EQ(net.frames().size(), 3u);
    net.client(kHttp, 0, "GET / ");
    CHECK_EQ(net.frames().size(), 0u);
    Events events = net.events();
    const Event octets = events.last(EventKind::kOctets);
    CHECK_EQ(octets.octets, "GET / ");
    CHECK(octets.held() && !octets.ended());
    CHECK_EQ(octets.header.at, 0u);
    // The server's bare acknowledgements pass meanwhile.
    net.server(kHttp, 0, {}, 0);
    CHECK_EQ(net.frames().size(), 1u);
    net.client(kHttp, 6, "HTTP/1.1\r\n");
    CHECK_EQ(net.events().last(EventKind::kOctets).header.at, 6u);
    CHECK(net.counter(Counter::kHeldOctets) > 0);
    net.release(Dir::kOrig, 16);
    CHECK_EQ(net.sent_payload(false), "GET / HTTP/1.1\r\n");
    CHECK_EQ(net.sink.all.size(), 2u);
    net.forget();
    net.server(kHttp, 0, "200", 16);
    CHECK_EQ(net.frames().size(), 0u);
    CHECK_EQ(net.events().joined(Dir::kReply), "200");
    net.release(Dir::kReply, 3);
    CHECK_EQ(net.sent_payload(true), "200");
    net.client(kHttp, 16, {}, 3);
    CHECK_EQ(net.counter(Counter::kHeldOctets), 0u);
  });
}

TEST(held_frame_leaves_as_it_came) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.forget();
    net.partial(true, IPPROTO_TCP, 16,
                tcp_octets(kClientPort, kHttp, kAck, kClientIsn + 1, kServerIsn + 1,
                           std::string(4000, 'x'), {}),
                1000);
    net.release(Dir::kOrig, 4000);
    const std::vector<Sent> frames = net.frames();
    CHECK_EQ(frames.size(), 1u);
    CHECK_EQ(frames[0].vnet.gso_size, 1000);
    CHECK_EQ(frames[0].packet.payload_octets, 4000u);
  });
}

TEST(release_cuts_a_frame_to_its_prefix) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.forget();
    net.client(kHttp, 0, "allowedDENIED", 0, kAck | kFin);
    net.release(Dir::kOrig, 7);
    std::vector<Sent> frames = net.frames();
    CHECK_EQ(frames.size(), 1u);
    CHECK_EQ(frames[0].payload(), "allowed");
    CHECK(!frames[0].has(kFin));
    CHECK_EQ(frames[0].packet.sequence, kClientIsn + 1);
    net.release(Dir::kOrig, 13);
    frames = net.frames();
    CHECK_EQ(frames.size(), 1u);
    CHECK_EQ(frames[0].payload(), "DENIED");
    CHECK(frames[0].has(kFin));
    CHECK_EQ(frames[0].packet.sequence, kClientIsn + 1 + 7);
  });
}

TEST(skipped_octets_pass_with_their_transaction) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.forget();
    net.client(kHttp, 0, "head");
    net.skip(Dir::kOrig, 4, 10);
    CHECK_EQ(net.frames().size(), 0u);
    net.client(kHttp, 4, "body");
    CHECK_EQ(net.frames().size(), 0u);
    net.release(Dir::kOrig, 4);
    CHECK_EQ(net.sent_payload(false), "headbody");
    net.forget();
    net.client(kHttp, 8, "bodyBOnext");
    CHECK_EQ(net.events().joined(Dir::kOrig), "next");
    CHECK_EQ(net.sent_payload(false), "bodyBO");
    net.release(Dir::kOrig, 18);
    CHECK_EQ(net.sent_payload(false), "bodyBOnext");
    net.forget();
    net.skip(Dir::kOrig, 18, engine::kToEnd);
    net.client(kHttp, 18, "tail", 0, kAck | kFin);
    CHECK_EQ(net.sent_payload(false), "tail");
    CHECK_EQ(net.events().joined(Dir::kOrig), "");
  });
}

TEST(skip_over_what_was_already_delivered_goes_on_behind_it) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.forget();
    net.client(kHttp, 0, "headbodyNEXT");
    CHECK_EQ(net.events().joined(Dir::kOrig), "headbodyNEXT");
    net.release(Dir::kOrig, 4);
    net.skip(Dir::kOrig, 4, 4);
    CHECK_EQ(net.sent_payload(false), "headbody");
    net.release(Dir::kOrig, 12);
    CHECK_EQ(net.sent_payload(false), "headbodyNEXT");
    CHECK_EQ(net.events().joined(Dir::kOrig), "");
  });
}

TEST(need_delays_the_next_report) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.forget();
    net.client(kHttp, 0, "a");
    net.need(Dir::kOrig, 4);
    net.client(kHttp, 1, "bc");
    CHECK_EQ(net.events().joined(Dir::kOrig), "a");
    net.client(kHttp, 3, "de");
    Events events = net.events();
    CHECK_EQ(events.size(), 1u);
    CHECK_EQ(events.joined(Dir::kOrig), "bcde");
    net.need(Dir::kOrig, 100);
    net.client(kHttp, 5, "f", 0, kAck | kFin);
    CHECK(net.events().last(EventKind::kOctets).ended());
  });
}

TEST(need_only_delays_and_may_say_where_it_counts_from) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.forget();
    net.client(kHttp, 0, "abc");
    net.need(Dir::kOrig, 100);
    net.client(kHttp, 3, "d");
    net.pass(kSecond / 20);
    CHECK_EQ(net.events().joined(Dir::kOrig), "abcd");
    // Counted when only "a" had been told.
    engine::CommandHeader need = net.make(CommandKind::kNeed, Dir::kOrig, 1);
    need.count = 5;
    net.send(need);
    net.client(kHttp, 4, "e");
    CHECK_EQ(net.events().joined(Dir::kOrig), "");
    net.client(kHttp, 5, "f");
    CHECK_EQ(net.events().joined(Dir::kOrig), "ef");
  });
}

TEST(octets_go_on_being_told_where_depth_is_content) {
  both([](uint8_t family) {
    Net net(family, {.deliver_all = true});
    net.handshake(kAllowed);
    net.client(kAllowed, 3, "def");
    net.client(kAllowed, 0, "abc");
    CHECK_EQ(net.sent_payload(false), "defabc");
    Events events = net.events();
    CHECK_EQ(events.joined(Dir::kOrig), "abcdef");
    CHECK(!events.last(EventKind::kOctets).held());
    net.client_port = 50000;
    net.handshake(kHttp);
    net.client(kHttp, 0, "abc");
    net.settle(true);
    net.client(kHttp, 3, "def");
    CHECK_EQ(net.events().joined(Dir::kOrig), "abcdef");
  });
}

TEST(settled_flow_is_not_read_any_more) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.client(kHttp, 0, "abc");
    net.forget();
    net.settle(true);
    CHECK_EQ(net.sent_payload(false), "abc");
    net.client(kHttp, 3, "def");
    net.server(kHttp, 0, "xyz", 6);
    CHECK_EQ(net.sink.all.size(), 3u);
    CHECK_EQ(net.events().size(), 0u);
    CHECK_EQ(net.counter(Counter::kHeldOctets), 0u);
  });
}

TAP_MAIN()
