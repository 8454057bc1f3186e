/* The language that decides the model, by shares of characters.
 *
 * Counted are letters and digits (categories L* and N*) and everything in the Japanese ranges.
 *   fewer than 50 characters in the whole text   undecided
 *   Japanese over 10 %                           Japanese
 *   ASCII letters over 30 %                      English
 *   else any Japanese, then any ASCII letter     Japanese, English
 * Kanji alone count as Japanese: Chinese can't be told from it by these ranges. */
#include "text_private.h"

#include <utf8proc.h>

enum { least_characters = 50 };

static bool is_counted(uint32_t c)
{
    if (c < 0x80) return text_is_ascii_alphanumeric(c);
    if (c > 0x10FFFF) return false;
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
    return text_is_letter(c) ||
           (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO);
}

recap_language recap_detect_language(const char *text, size_t n)
{
    uint64_t characters = 0, counted = 0, japanese = 0, ascii = 0;
    for (size_t i = 0; i < n; characters++) {
        uint32_t c = utf8_next(text, n, &i);
        bool is_japanese = text_is_japanese(c);
        japanese += is_japanese;
        ascii += (c | 32) >= 'a' && (c | 32) <= 'z';
        counted += is_japanese || is_counted(c);
    }
    if (characters < least_characters || counted == 0) return RECAP_LANGUAGE_UNDECIDED;
    if (japanese * 10 > counted) return RECAP_LANGUAGE_JAPANESE;
    if (ascii * 10 > counted * 3) return RECAP_LANGUAGE_ENGLISH;
    if (japanese) return RECAP_LANGUAGE_JAPANESE;
    return ascii ? RECAP_LANGUAGE_ENGLISH : RECAP_LANGUAGE_UNDECIDED;
}

const char *recap_language_code(recap_language language)
{
    switch (language) {
    case RECAP_LANGUAGE_JAPANESE:
        return "ja";
    case RECAP_LANGUAGE_ENGLISH:
        return "en";
    case RECAP_LANGUAGE_UNDECIDED:
        break;
    }
    return "und";
}
