// libpng's simplified reader; getters for what are macros in its header.
#ifndef LOCKSTEP_PNG_H
#define LOCKSTEP_PNG_H

#include <png.h>

static inline png_uint_32 lockstep_png_image_version(void) { return PNG_IMAGE_VERSION; }
static inline png_uint_32 lockstep_png_format_gray(void) { return PNG_FORMAT_GRAY; }
static inline png_uint_32 lockstep_png_format_rgb(void) { return PNG_FORMAT_RGB; }
static inline png_uint_32 lockstep_png_flag_color(void) { return PNG_FORMAT_FLAG_COLOR; }
static inline int lockstep_png_failed(png_imagep image) { return PNG_IMAGE_FAILED(*image); }

#endif
