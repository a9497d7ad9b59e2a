"""The room table: who may include whom, and who may know which library. docs/ARCHITECTURE.md shows it to people."""

# Room -> prefixes of project headers that its code may include (its own aside). Longest room name wins.
ROOMS = {
    "proto": [],
    "common/base": ["proto/"],
    "common/record": ["common/base/"],
    "common/io": ["common/base/", "common/record/", "proto/"],
    "common/plan": ["common/base/", "common/record/", "common/io/", "proto/"],
    "common/pipeline": ["common/base/", "common/record/", "common/io/", "common/plan/", "proto/"],
    "common/config": ["common/base/"],
    "common/obs": ["common/base/"],
    "common/progress": ["common/base/", "proto/"],
    "common/report": ["common/base/"],
    "coordinator/scheduler": ["common/base/", "proto/"],
    "coordinator/journal": ["common/base/", "proto/"],
    "coordinator/server": ["common/base/", "common/config/", "common/obs/", "common/plan/", "common/io/", "proto/",
                           "coordinator/scheduler/", "coordinator/journal/"],
    "coordinator": ["common/base/", "common/config/", "common/obs/", "proto/", "coordinator/"],
    "worker/shuffle": ["common/base/", "common/record/", "common/obs/", "proto/"],
    "worker/executor": ["common/base/", "common/record/", "common/io/", "common/plan/", "common/pipeline/", "proto/",
                        "worker/shuffle/"],
    "worker/agent": ["common/base/", "common/config/", "common/obs/", "common/io/", "common/record/", "proto/",
                     "worker/shuffle/"],
    "worker/bundle": ["common/", "proto/", "worker/", "coordinator/server/", "coordinator/journal/"],
    "worker": ["common/base/", "common/config/", "common/obs/", "proto/", "worker/agent/", "worker/shuffle/"],
    "jobs/ml": ["common/pipeline/"],
    "jobs/pages": ["common/pipeline/", "common/report/", "jobs/ml/"],
    "jobs": ["common/pipeline/", "common/report/", "jobs/ml/", "jobs/pages/"],
    "cli": ["common/base/", "common/config/", "common/io/", "common/progress/", "common/report/", "proto/"],
    "examples": ["common/pipeline/"],
    "bench": ["common/", "proto/", "worker/", "coordinator/", "jobs/"],
}

# Files that may include more than their room.
FILES = {
    "jobs/main.cc": ["worker/bundle/bundle_main.h"],
    "jobs/ml/expression.h": ["common/record/expression.h"],
}

# Beginning of a system include -> rooms or files that may have it. A room ends in '/'.
LIBRARIES = {
    "grpc": ["coordinator/server/", "coordinator/main.cc", "worker/agent/", "worker/shuffle/", "worker/main.cc",
             "cli/client.cc"],
    "sqlite3": ["coordinator/journal/"],
    "spdlog/": ["common/obs/"],
    "prometheus/": ["common/obs/", "coordinator/server/"],
    "httplib": ["coordinator/server/"],
    "CLI/": ["common/config/"],
    "openssl/": ["common/base/"],
    "Eigen/": ["common/base/", "common/pipeline/", "jobs/ml/", "jobs/pages/"],
    "nlohmann/": ["common/io/", "worker/bundle/", "cli/", "coordinator/server/", "common/pipeline/",
                  "common/report/", "jobs/"],
    "arrow/": ["common/io/parquet_plugin/"],
    "parquet/": ["common/io/parquet_plugin/"],
    "zlib": ["common/io/"],
    "zstd": ["common/io/"],
    "lz4": ["worker/shuffle/"],
    "xxhash": ["common/record/", "coordinator/journal/", "worker/shuffle/"],
}

# gRPC headers cost seconds per file that includes them: never from a header.
SOURCES_ONLY = ["grpc", "spdlog/", "prometheus/", "httplib", "CLI/"]
