#include "differential/compare.h"

namespace vethwall::differential {
namespace {

std::string compare_streams(const Inspected& flow, const Connection& connection,
                            Circumstances circumstances) {
  const std::string& told = flow.toward_pod();
  if (flow.has_gap_toward_pod() && connection.received.starts_with(told)) return {};
  // Which of them it took, one that reset has told nobody.
  if (circumstances.is_contradicted && flow.was_reset) return {};
  // Linux merges waiting segments where its driver's buffers allow it, and then keeps the first.
  const bool is_either = circumstances.is_contradicted && told.size() == connection.received.size();
  if (!is_either && !told.starts_with(connection.received))
    return "the socket has '" + connection.received + "', the parser '" + told + "'";
  if (connection.socket && connection.error == 0 && !is_either && told != connection.received)
    return "the socket has only '" + connection.received + "', the parser '" + told + "'";
  if (connection.has_ended && !flow.has_ended_toward_pod()) return "only the socket has an end";
  if (connection.is_open() && flow.has_ended_toward_pod()) return "only the parser has an end";
  const std::string& said = flow.from_pod();
  for (size_t i = 0; i < said.size(); ++i)
    if (said[i] != written_at(i)) return "the parser read what nobody wrote";
  return {};
}

}  // namespace

std::string compare(const Parsers& parsers, const Program& program, Circumstances circumstances) {
  const bool has_reset = circumstances.has_reset;
  std::vector<const Inspected*> flows;
  for (const Inspected& flow : parsers.flows())
    if (!flow.toward_pod().empty()) flows.push_back(&flow);
  size_t next = 0;
  for (const Connection& connection : program.connections()) {
    if (connection.received.empty()) continue;
    // The kernel knew of no connection, and said so.
    while (next < flows.size() &&
           (flows[next]->was_reset || (has_reset && flows[next]->is_midstream)) &&
           !compare_streams(*flows[next], connection, circumstances).empty())
      ++next;
    if (next == flows.size())
      return "the parser has nothing, the socket '" + connection.received + "'";
    const std::string wrong = compare_streams(*flows[next++], connection, circumstances);
    if (!wrong.empty()) return wrong;
  }
  // A reset drops what is held; behind an end, in TIME-WAIT, nothing is delivered.
  for (; next < flows.size() && !has_reset; ++next)
    if (!flows[next]->was_reset &&
        (program.connections().empty() || program.connections().back().is_open()))
      return "the socket has nothing, the parser '" + flows[next]->toward_pod() + "'";
  return {};
}

}  // namespace vethwall::differential
