// ICMP: the error that tells of a denial, the echo, and errors that quote a flow.
#include "test/engine_net.h"

using namespace vethwall;
using namespace vethwall::engine_test;

TEST(denied_datagram_gets_an_icmp_error) {
  both([](uint8_t family) {
    Net net(family);
    net.udp(true, kDenied, "query");
    const std::vector<Sent> frames = net.frames();
    CHECK_EQ(frames.size(), 1u);
    CHECK(frames[0].to_pod);
    CHECK_EQ(frames[0].packet.icmp_type, family == 4 ? 3 : 1);
    CHECK_EQ(frames[0].packet.icmp_code, family == 4 ? 13 : 1);
    CHECK_EQ(net.events().size(), 2u);
    for (int i = 0; i < 200; ++i) net.udp(true, kDenied, "query");
    CHECK_EQ(net.events().size(), 0u);
    CHECK_EQ(net.counter(Counter::kIcmpSent), 50u);  // Linux's icmp_msgs_burst
    net.now += kSecond;
    net.udp(true, kDenied, "query");
    CHECK_EQ(net.counter(Counter::kIcmpSent), 51u);
  });
}

TEST(echo_is_judged_once_per_identifier_and_denied_silently) {
  both([](uint8_t family) {
    Net net(family);
    net.echo(true, true);
    net.echo(false, false);
    CHECK_EQ(net.frames().size(), 2u);
    CHECK_EQ(net.events().size(), 1u);
    auto denied = std::make_shared<FixedTable>(*net.table);
    denied->icmp = {L4Verdict::kDeny, kDenyRule};
    denied->generation_ = 2;
    net.engine->set_policy(denied, net.now);
    CHECK_EQ(net.events().last(EventKind::kClosed).header.rule, kDenyRule);
    net.echo(true, true, 10);
    CHECK_EQ(net.frames().size(), 0u);
    CHECK_EQ(net.counter(Counter::kIcmpSent), 0u);
  });
}

TEST(icmp_error_shares_its_flows_verdict) {
  both([](uint8_t family) {
    Net net(family);
    auto table = std::make_shared<FixedTable>(*net.table);
    table->icmp = {L4Verdict::kDeny, kDenyRule};
    net.engine->set_policy(table, net.now);
    net.udp(true, 9000, "question");
    net.udp(true, kDenied, "question");
    net.forget();
    const auto quoting = [&](uint16_t port) {
      const IpFields fields{family, IPPROTO_UDP};
      return be32(1400) + ip_octets(fields, pod_address(family), peer_address(family),
                                    udp_octets(kClientPort, port, "question"));
    };
    const uint8_t too_big = family == 4 ? 3 : 2, code = family == 4 ? 4 : 0;
    net.icmp(false, too_big, code, quoting(9000));
    CHECK_EQ(net.frames().size(), 1u);
    CHECK_EQ(net.counter(Counter::kEssential), 1u);
    net.icmp(false, too_big, code, quoting(kDenied));
    net.icmp(false, too_big, code, quoting(9999));
    CHECK_EQ(net.frames().size(), 0u);
    CHECK_EQ(net.counter(Counter::kEssential), 1u);
  });
}

TAP_MAIN()
