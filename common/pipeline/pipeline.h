// The one header that a job includes.
#pragma once

#include "common/pipeline/counter.h"
#include "common/pipeline/dataset.h"
#include "common/pipeline/job.h"
#include "common/pipeline/mr_job.h"
