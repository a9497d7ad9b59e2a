// Everything about segment files: SegmentWriter, SegmentReader, RunReader.
#pragma once

#include "worker/shuffle/run_reader.h"      // IWYU pragma: export
#include "worker/shuffle/segment_reader.h"  // IWYU pragma: export
#include "worker/shuffle/segment_writer.h"  // IWYU pragma: export
