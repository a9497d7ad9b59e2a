#include "jobs/ml/customer_value.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace millrace::ml {
namespace {

constexpr int64_t kThousandths = 1000;
constexpr std::array<const char*, 3> kSegments = {"high", "middle", "low"};

double Money(int64_t thousandths) { return static_cast<double>(thousandths) / 1000.0; }
int64_t Thousandths(double money) { return std::llround(money * 1000.0); }

int64_t CustomerOf(const SaleRow& row) {
  constexpr double kMost = 9007199254740992.0;  // 2^53: up to there every whole number is a double
  if (!(std::abs(*row.customer) <= kMost))
    throw BadInput(StrCat("CustomerID ", *row.customer, " is no number of a customer; correct it"));
  return static_cast<int64_t>(*row.customer);
}

SaleKind KindOf(const SaleRow& row) {
  if (!row.customer.has_value()) return kNoCustomer;
  if (row.invoice.starts_with('C')) return kCancellation;
  return row.quantity > 0 && row.price > 0 ? kPurchase : kNonPositive;
}

}  // namespace

OrderKey OrderKeyOf(const SaleRow& row) {
  const SaleKind kind = KindOf(row);
  if (kind == kPurchase && row.invoice.empty())
    throw BadInput(
        StrCat("a purchase of ", row.date.date().ToString(),
               " has no InvoiceNo, so that orders cannot be counted; fill it in, or take the row out"));
  const bool known = kind == kPurchase || kind == kCancellation;
  return {kind, known ? CustomerOf(row) : 0, kind == kPurchase ? std::string(row.invoice) : std::string()};
}

OrderSum OrderSumOf(const SaleRow& row) {
  const int64_t value =
      MultiplyExact(row.quantity, ToUnits(row.price, kThousandths, "UnitPrice"), "Quantity");
  return {1, value, row.price > 0 ? value : 0, row.date.date(), row.date.date()};
}

void AddOrders::operator()(OrderSum& into, const OrderSum& more) const {
  into.lines += more.lines;
  into.thousandths = AddExact(into.thousandths, more.thousandths, "the value of an order");
  into.priced_thousandths =
      AddExact(into.priced_thousandths, more.priced_thousandths, "the value of an order");
  into.first_day = std::min(into.first_day, more.first_day);
  into.last_day = std::max(into.last_day, more.last_day);
}

uint64_t ShopTotals::Lines() const { return lines[0] + lines[1] + lines[2] + lines[3]; }

ShopTotals TotalsOf(const Order& order) {
  ShopTotals totals;
  totals.lines[order.key.kind] = order.sum.lines;
  totals.thousandths[order.key.kind] = order.sum.thousandths;
  if (order.key.kind == kCancellation) totals.cancelled_thousandths = order.sum.priced_thousandths;
  if (order.key.kind == kPurchase) {
    totals.first_day = order.sum.first_day;
    totals.last_day = order.sum.last_day;
  }
  return totals;
}

void AddTotals::operator()(ShopTotals& into, const ShopTotals& more) const {
  for (size_t kind = 0; kind < kSaleKinds; ++kind) {
    into.lines[kind] += more.lines[kind];
    into.thousandths[kind] =
        AddExact(into.thousandths[kind], more.thousandths[kind], "the value of all rows");
  }
  into.cancelled_thousandths =
      AddExact(into.cancelled_thousandths, more.cancelled_thousandths, "cancellations");
  if (more.first_day && (!into.first_day || *more.first_day < *into.first_day))
    into.first_day = more.first_day;
  if (more.last_day && (!into.last_day || *into.last_day < *more.last_day)) into.last_day = more.last_day;
}

CustomerValue ValueOf(const ValueRules& rules, int64_t customer, Rows<Order> rows) {
  CustomerValue value;
  value.customer = customer;
  int64_t bought = 0, cancelled = 0;
  for (const Order& order : rows) {
    if (order.key.kind == kCancellation) {
      cancelled = AddExact(cancelled, order.sum.priced_thousandths, "cancellations");
      continue;
    }
    value.lines += order.sum.lines;
    bought = AddExact(bought, order.sum.thousandths, "the revenue of a customer");
    value.first_day =
        value.orders == 0 ? order.sum.first_day : std::min(value.first_day, order.sum.first_day);
    value.last_day = value.orders == 0 ? order.sum.last_day : std::max(value.last_day, order.sum.last_day);
    ++value.orders;
  }
  if (value.orders == 0) return value;
  const double orders = static_cast<double>(value.orders);
  value.lifespan_days = value.last_day - value.first_day + 1;
  value.revenue = Money(bought);
  value.revenue_net = Money(AddExact(bought, cancelled, "the revenue of a customer"));
  value.apv = value.revenue / orders;
  value.pf = orders / rules.period_years;
  value.cl = value.lifespan_days / 365.0;
  value.clv = value.apv * value.pf * value.cl * rules.gross_margin;
  value.clv_net = value.revenue_net / orders * value.pf * value.cl * rules.gross_margin;
  return value;
}

SegmentTotals SegmentTotalsOf(const CustomerValue& customer) {
  SegmentTotals totals;
  const auto segment = std::find(kSegments.begin(), kSegments.end(), customer.segment) - kSegments.begin();
  totals.customers[static_cast<size_t>(segment)] = 1;
  totals.thousandths[static_cast<size_t>(segment)] = Thousandths(customer.revenue);
  totals.orders = customer.orders;
  totals.lifespan_days = customer.lifespan_days;
  totals.net_thousandths = Thousandths(customer.revenue_net);
  totals.clv.Add(customer.clv);
  return totals;
}

void AddSegments::operator()(SegmentTotals& into, const SegmentTotals& more) const {
  for (size_t i = 0; i < kSegments.size(); ++i) {
    into.customers[i] += more.customers[i];
    into.thousandths[i] = AddExact(into.thousandths[i], more.thousandths[i], "the revenue of a segment");
  }
  into.orders += more.orders;
  into.lifespan_days += more.lifespan_days;
  into.net_thousandths = AddExact(into.net_thousandths, more.net_thousandths, "the net revenue");
  into.clv.Add(more.clv);
}

nlohmann::ordered_json ShopJson(const ShopTotals& shop, const SegmentTotals& all, double period_years,
                                double gross_margin, uint64_t distinct_invoices) {
  const uint64_t customers = all.customers[0] + all.customers[1] + all.customers[2];
  const double n = static_cast<double>(customers), orders = static_cast<double>(all.orders);
  const double apv = Money(shop.thousandths[kPurchase]) / orders;
  const double pf = orders / n / period_years;
  const double cl = static_cast<double>(all.lifespan_days) / n / 365.0;
  int64_t everything = 0;
  for (const int64_t thousandths : shop.thousandths)
    everything = AddExact(everything, thousandths, "the value of all rows");

  nlohmann::ordered_json json;
  json["gross_margin"] = gross_margin;
  json["counts"] = {{"rows", shop.Lines()},
                    {"no_customer", shop.lines[kNoCustomer]},
                    {"cancellation", shop.lines[kCancellation]},
                    {"non_positive", shop.lines[kNonPositive]},
                    {"purchases", shop.lines[kPurchase]}};
  json["customers"] = customers;
  json["orders"] = all.orders;
  json["distinct_invoices"] = distinct_invoices;
  json["first_day"] = shop.first_day->ToString();
  json["last_day"] = shop.last_day->ToString();
  json["period_days"] = shop.PeriodDays();
  json["revenue_thousandths"] = shop.thousandths[kPurchase];
  json["revenue"] = Money(shop.thousandths[kPurchase]);
  json["cancellations_of_known_customers_thousandths"] = shop.cancelled_thousandths;
  json["net_revenue_of_purchasers"] = Money(all.net_thousandths);
  json["value_of_all_rows_thousandths"] = everything;
  json["company"] = {
      {"APV", apv}, {"PF", pf}, {"CL", cl}, {"CLV_of_the_average_customer", apv * pf * cl * gross_margin}};
  json["sum_CLV"] = all.clv.Total();
  json["mean_CLV"] = all.clv.Total() / n;
  for (size_t i = 0; i < kSegments.size(); ++i)
    json["segments"][kSegments[i]] = {{"customers", all.customers[i]},
                                      {"revenue", Money(all.thousandths[i])}};
  return json;
}

}  // namespace millrace::ml
