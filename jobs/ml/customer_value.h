// The parts of the customer-value job (jobs/customer_value.cc, which has the rules).
#pragma once

#include <array>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/exact.h"

namespace millrace::ml {

// A line of an invoice, as the shop's file has it.
struct SaleRow {
  std::string_view invoice;
  int64_t quantity = 0;
  Timestamp date;
  double price = 0;
  std::optional<double> customer;  // written like 17850.0
  std::string_view country;
};
MR_RECORD(SaleRow, MR_FIELD(invoice, "InvoiceNo"), MR_FIELD(quantity, "Quantity"),
          MR_FIELD(date, "InvoiceDate"), MR_FIELD(price, "UnitPrice"), MR_FIELD(customer, "CustomerID"),
          MR_FIELD(country, "Country"))

enum SaleKind : uint32_t { kNoCustomer, kCancellation, kNonPositive, kPurchase };
inline constexpr size_t kSaleKinds = 4;

// Purchases are kept per customer and invoice, cancellations per customer, the others as one.
struct OrderKey {
  uint32_t kind = 0;
  int64_t customer = 0;
  std::string invoice;
};
MR_RECORD(OrderKey, MR_NAMED(kind), MR_NAMED(customer), MR_NAMED(invoice))

struct OrderSum {
  uint64_t lines = 0;
  int64_t thousandths = 0;         // of all lines
  int64_t priced_thousandths = 0;  // of those with a price above 0
  Date first_day, last_day;
};
MR_RECORD(OrderSum, MR_NAMED(lines), MR_NAMED(thousandths), MR_NAMED(priced_thousandths), MR_NAMED(first_day),
          MR_NAMED(last_day))

struct Order {
  OrderKey key;
  OrderSum sum;
};
MR_RECORD(Order, MR_NAMED(key), MR_NAMED(sum))

// These throw BadInput for amounts and customers that cannot be exact.
OrderKey OrderKeyOf(const SaleRow& row);
OrderSum OrderSumOf(const SaleRow& row);
struct AddOrders {
  void operator()(OrderSum& into, const OrderSum& more) const;
};

// What is known of the shop before its customers: lines and thousandths per SaleKind, the days
// of the purchases.
struct ShopTotals {
  std::array<uint64_t, kSaleKinds> lines{};
  std::array<int64_t, kSaleKinds> thousandths{};
  int64_t cancelled_thousandths = 0;  // of customers, with a price above 0
  std::optional<Date> first_day, last_day;
  uint64_t Lines() const;
  int PeriodDays() const { return *last_day - *first_day + 1; }
};
MR_RECORD(ShopTotals, MR_NAMED(lines), MR_NAMED(thousandths), MR_NAMED(cancelled_thousandths),
          MR_NAMED(first_day), MR_NAMED(last_day))
ShopTotals TotalsOf(const Order& order);
struct AddTotals {
  void operator()(ShopTotals& into, const ShopTotals& more) const;
};

struct ValueRules {
  double period_years = 0;
  double gross_margin = 0;
};
MR_RECORD(ValueRules, MR_NAMED(period_years), MR_NAMED(gross_margin))

// A row of customers/.
struct CustomerValue {
  int64_t customer = 0;
  uint64_t lines = 0, orders = 0;
  double revenue = 0;
  Date first_day, last_day;
  int32_t lifespan_days = 0;
  double apv = 0, pf = 0, cl = 0, clv = 0, revenue_net = 0, clv_net = 0;
  std::string segment;
};
MR_RECORD(CustomerValue, MR_NAMED(customer), MR_NAMED(lines), MR_NAMED(orders), MR_NAMED(revenue),
          MR_NAMED(first_day), MR_NAMED(last_day), MR_NAMED(lifespan_days), MR_FIELD(apv, "APV"),
          MR_FIELD(pf, "PF"), MR_FIELD(cl, "CL"), MR_FIELD(clv, "CLV"), MR_NAMED(revenue_net),
          MR_FIELD(clv_net, "CLV_net"), MR_NAMED(segment))
// Of one customer's orders and cancellations; no orders: no purchase.
CustomerValue ValueOf(const ValueRules& rules, int64_t customer, Rows<Order> rows);

struct ValueRank {
  double clv = 0;
  int64_t customer = 0;
  // Comes before `other` in the ranking, or is the same.
  bool UpTo(const ValueRank& other) const {
    return clv != other.clv ? clv > other.clv : customer <= other.customer;
  }
};
MR_RECORD(ValueRank, MR_NAMED(clv), MR_NAMED(customer))

struct SegmentBorders {
  ValueRank last_high, first_low;
  const char* Of(const ValueRank& rank) const {
    return rank.UpTo(last_high) ? "high" : first_low.UpTo(rank) ? "low" : "middle";
  }
};
MR_RECORD(SegmentBorders, MR_NAMED(last_high), MR_NAMED(first_low))

// Over customers; per segment in the order high, middle, low.
struct SegmentTotals {
  std::array<uint64_t, 3> customers{};
  std::array<int64_t, 3> thousandths{};
  uint64_t orders = 0;
  int64_t lifespan_days = 0, net_thousandths = 0;
  CompensatedSum clv;
};
MR_RECORD(SegmentTotals, MR_NAMED(customers), MR_NAMED(thousandths), MR_NAMED(orders),
          MR_NAMED(lifespan_days), MR_NAMED(net_thousandths), MR_NAMED(clv))
SegmentTotals SegmentTotalsOf(const CustomerValue& customer);
struct AddSegments {
  void operator()(SegmentTotals& into, const SegmentTotals& more) const;
};

// summary.json up to the ranking.
nlohmann::ordered_json ShopJson(const ShopTotals& shop, const SegmentTotals& all, double period_years,
                                double gross_margin, uint64_t distinct_invoices);

}  // namespace millrace::ml
