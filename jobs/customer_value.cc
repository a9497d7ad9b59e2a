// What customers are worth to a shop: CLV = APV x PF x CL x GM.
//
//   mrsubmit run --local customer-value --input=retail.csv --output=customers --gross-margin=0.30
//
// Amounts are whole thousandths: quantity times the rounded price, added up exactly. A row counts at the
// first that applies: no_customer (CustomerID empty), cancellation (InvoiceNo begins with C), non_positive
// (quantity or price not above 0), else purchase. Rows outside --from, --to and --countries are not looked
// at. Per customer with a purchase:
//
//   APV = revenue / orders (distinct invoices)        PF = orders / (period_days / 365), of all purchases
//   CL  = lifespan_days / 365 (first to last day)     GM = --gross-margin
//
// revenue_net and CLV_net add the (negative) cancellations with a price above 0. Segments by rank of CLV,
// equal ones by customer: `high` the first fifth, `low` the last, rounded up; else `middle`.
//
// Output: customers/, in order of the customer, and summary.json. An input without any purchase, and a
// purchase without an InvoiceNo, are errors.
//
// Stages, for n rows with i invoices of c customers: one pass adds rows up per invoice in combiners (i sums
// of about 40 bytes are shuffled, at most i per split), kept on the workers; one shuffle by customer (i
// sums), one that counts the invoices, one sort of the customers by CLV (16 bytes each), of which the driver
// gets the rows at the segments' borders. Memory: that of a slot.
#include <nlohmann/json.hpp>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/customer_value.h"

namespace millrace {

struct CustomerValueOptions : CommonOptions {
  double gross_margin = 0.30;
  std::optional<Date> from, to;
  std::vector<std::string> countries;
};
MR_OPTIONS(CustomerValueOptions,
           MR_OPTION(gross_margin, "number", "Share of the revenue that is left, an assumption"),
           MR_OPTION(from, "date", "First day to look at"), MR_OPTION(to, "date", "Last day to look at"),
           MR_OPTION(countries, "names", "Countries to look at; empty = all"))

namespace {

using Json = nlohmann::ordered_json;
using Orders = Dataset<ml::Order>;
using Customers = Dataset<ml::CustomerValue>;

Orders OrdersOf(Job& job, const CustomerValueOptions& options) {
  ReadOptions read;
  if (options.from || options.to)
    read.ranges = {{"InvoiceDate", options.from ? options.from->ToString() : "",
                    options.to ? (*options.to + 1).ToString() : ""}};
  return job.Read<ml::SaleRow>(options.input, read)
      .Filter(With(options.from, options.to, options.countries),
              [](const std::optional<Date>& from, const std::optional<Date>& to,
                 const std::vector<std::string>& countries, const ml::SaleRow& row) {
                const Date day = row.date.date();
                return (!from || *from <= day) && (!to || day <= *to) &&
                       (countries.empty() ||
                        std::find(countries.begin(), countries.end(), row.country) != countries.end());
              })
      .KeyBy([](const ml::SaleRow& row) { return ml::OrderKeyOf(row); },
             [](const ml::SaleRow& row) { return ml::OrderSumOf(row); })
      .ReduceByKey(ml::AddOrders{}, "Orders")
      .Pairs()
      .Map([](const KeyValue<ml::OrderKey, ml::OrderSum>& pair) {
        return ml::Order{pair.key, pair.value};
      })
      .Cache();
}

uint64_t DistinctInvoices(const Orders& orders) {
  return orders
      .FlatMap<std::string>([](const ml::Order& order, Emitter<std::string>& out) {
        if (order.key.kind == ml::kPurchase) out(order.key.invoice);
      })
      .Distinct()
      .Count();
}

Customers CustomersOf(const Orders& orders, const ml::ValueRules& rules) {
  return orders
      .Filter([](const ml::Order& order) {
        return order.key.kind == ml::kPurchase || order.key.kind == ml::kCancellation;
      })
      .KeyBy([](const ml::Order& order) { return order.key.customer; })
      .InKeyOrder()
      .GroupByKey<ml::CustomerValue>(
          With(rules),
          [](const ml::ValueRules& r, int64_t customer, Rows<ml::Order> rows,
             Emitter<ml::CustomerValue>& out) {
            const ml::CustomerValue value = ml::ValueOf(r, customer, std::move(rows));
            if (value.orders > 0) out(value);
          },
          "Customer")
      .Cache();
}

// The customers by rank: CLV descending, then customer.
Dataset<ml::ValueRank> Ranked(const Customers& customers) {
  return customers
      .Map([](const ml::CustomerValue& customer) {
        return ml::ValueRank{customer.clv, customer.customer};
      })
      .SortBy(
          [](const ml::ValueRank& rank) { return std::tuple(Descending<double>{rank.clv}, rank.customer); })
      .Cache();
}

// The rows of these ranks (from 0).
std::vector<ml::ValueRank> AtRanks(const Dataset<ml::ValueRank>& ranked, const std::vector<uint64_t>& ranks) {
  std::vector<ml::ValueRank> found;
  const auto rows = ranked.WithRowNumber().Filter(
      With(ranks), [](const std::vector<uint64_t>& wanted, const Numbered<ml::ValueRank>& row) {
        return std::find(wanted.begin(), wanted.end(), row.row) != wanted.end();
      });
  for (const auto& row : rows.Collect()) found.push_back(row.record);
  return found;
}

Customers WithSegments(const Customers& customers, const ml::SegmentBorders& borders) {
  return customers.Map(
      With(borders),
      [](const ml::SegmentBorders& b, const ml::CustomerValue& customer) {
        ml::CustomerValue with_segment = customer;
        with_segment.segment = b.Of({customer.clv, customer.customer});
        return with_segment;
      },
      "Segment");
}

Json RelativeGap(const std::vector<ml::ValueRank>& pair) {
  return pair.size() < 2 ? Json() : Json((pair[0].clv - pair[1].clv) / pair[0].clv);
}

}  // namespace

void CustomerValue(Job& job, const CustomerValueOptions& options) {
  if (!(options.gross_margin > 0 && options.gross_margin <= 1))
    job.Fail("--gross-margin is a share above 0, up to 1");
  if (options.from && options.to && *options.to < *options.from)
    job.Fail(StrCat("--to=", options.to->ToString(), " lies before --from=", options.from->ToString()));
  const Orders orders = OrdersOf(job, options);
  const ml::ShopTotals shop =
      orders.Map([](const ml::Order& order) { return ml::TotalsOf(order); }).Aggregate(ml::AddTotals{});
  if (shop.lines[ml::kPurchase] == 0)
    job.Fail(StrCat("none of the ", shop.Lines(),
                    " rows looked at is a purchase: ", shop.lines[ml::kNoCustomer], " have no customer, ",
                    shop.lines[ml::kCancellation], " are cancellations, ", shop.lines[ml::kNonPositive],
                    " have no quantity or price above 0"));
  const double years = shop.PeriodDays() / 365.0;
  const Customers customers = CustomersOf(orders, {years, options.gross_margin});
  const Dataset<ml::ValueRank> ranked = Ranked(customers);
  const uint64_t n = customers.Count();
  const uint64_t fifth = (n + 4) / 5;
  const std::vector<ml::ValueRank> high = AtRanks(ranked, {fifth - 1, fifth});
  const std::vector<ml::ValueRank> low = AtRanks(ranked, {n - fifth - 1, n - fifth});
  const Customers segmented = WithSegments(customers, {high.front(), low.back()});
  segmented.Write(options.output + "/customers");

  const ml::SegmentTotals all =
      segmented.Map([](const ml::CustomerValue& c) { return ml::SegmentTotalsOf(c); })
          .Aggregate(ml::AddSegments{});
  Json summary = ml::ShopJson(shop, all, years, options.gross_margin, DistinctInvoices(orders));
  summary["top_10_by_CLV"] = Json::array();
  for (const ml::ValueRank& rank : ranked.Take(10))
    summary["top_10_by_CLV"].push_back({rank.customer, rank.clv});
  summary["zero_gap_check_smallest_relative_gap_at_segment_borders"] = {RelativeGap(high), RelativeGap(low)};
  job.WriteFile("summary.json", summary.dump(1) + "\n");
}
MR_JOB("customer-value", CustomerValue, "Lifetime value and segment of every customer of a shop")

}  // namespace millrace
