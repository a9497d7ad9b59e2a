// Whether this is a build for a sanitizer (MILLRACE_SANITIZE). Its shadow memory counts as heap, so heap
// limits are off there; the rest of the code must not ask.
#pragma once

namespace millrace {

// A macro of our own: __SANITIZE_THREAD__ is undefined on purpose in the tsan preset
// (cmake/MillraceOptions.cmake).
#if defined(MILLRACE_SANITIZED)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace millrace
