/* Dates as articles and feeds write them: RFC 3339 and RFC 822. */
#include <string.h>
#include <strings.h>
#include <time.h>

#include "input.h"

struct scanner {
    const char *at, *end;
};

/* Between `low` and `high` digits. */
static bool take_number(struct scanner *s, int low, int high, int *out)
{
    int n = 0, value = 0;
    while (n < high && s->at < s->end && *s->at >= '0' && *s->at <= '9') {
        value = value * 10 + (*s->at++ - '0');
        n++;
    }
    *out = value;
    return n >= low;
}

static bool take_any(struct scanner *s, const char *characters)
{
    if (s->at == s->end || !*s->at || !strchr(characters, *s->at)) return false;
    s->at++;
    return true;
}

static void skip_blanks(struct scanner *s)
{
    while (take_any(s, " \t\r\n")) {
    }
}

struct calendar {
    int year, month, day, hour, minute, second;
};

/* Days since 1970-01-01 in the Gregorian calendar: whole 400-year cycles from March on. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t cycle = (y >= 0 ? y : y - 399) / 400;
    int64_t of_cycle = y - cycle * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return cycle * 146097 + of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + of_year - 719468;
}

static void calendar_of(int64_t days, struct calendar *out)
{
    int64_t shifted = days + 719468;
    int64_t cycle = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day = shifted - cycle * 146097;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t of_year = day - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    out->day = (int)(of_year - (153 * month + 2) / 5 + 1);
    out->month = (int)(month < 10 ? month + 3 : month - 9);
    out->year = (int)(year + cycle * 400 + (out->month <= 2));
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* A leap second (60) is taken as the second before. */
static bool to_date(const struct calendar *c, int offset, struct date *out)
{
    if (c->month < 1 || c->month > 12 || c->day < 1 || c->day > days_in_month(c->year, c->month))
        return false;
    if (c->hour > 23 || c->minute > 59 || c->second > 60) return false;
    int second = c->second == 60 ? 59 : c->second;
    out->seconds = days_of(c->year, c->month, c->day) * 86400 + c->hour * 3600 + c->minute * 60 +
                   second - (int64_t)offset * 60;
    out->offset = offset;
    return true;
}

/* "+09:00", "-0330", "+09"; false where it is no such offset. */
static bool take_offset(struct scanner *s, int *out)
{
    int hours, minutes = 0;
    bool negative = s->at < s->end && *s->at == '-';
    if (!take_any(s, "+-") || !take_number(s, 2, 2, &hours)) return false;
    bool colon = take_any(s, ":");
    if (!take_number(s, 2, 2, &minutes) && colon) return false;
    if (hours > 23 || minutes > 59) return false;
    *out = (hours * 60 + minutes) * (negative ? -1 : 1);
    return true;
}

bool date_parse_rfc3339(struct view text, bool date_only, struct date *out)
{
    struct scanner s = {text.data, text.data + text.n};
    struct calendar c = {0};
    int offset = 0;
    if (!take_number(&s, 4, 4, &c.year) || !take_any(&s, "-") || !take_number(&s, 2, 2, &c.month) ||
        !take_any(&s, "-") || !take_number(&s, 2, 2, &c.day))
        return false;
    if (s.at == s.end) return date_only && to_date(&c, 0, out);
    if (!take_any(&s, "Tt ") || !take_number(&s, 2, 2, &c.hour) || !take_any(&s, ":") ||
        !take_number(&s, 2, 2, &c.minute))
        return false;
    if (take_any(&s, ":")) {
        if (!take_number(&s, 2, 2, &c.second)) return false;
        if (take_any(&s, ".,")) {
            if (!take_any(&s, "0123456789")) return false;
            while (take_any(&s, "0123456789")) {
            }
        }
    }
    if (s.at < s.end && !take_any(&s, "Zz") && !take_offset(&s, &offset)) return false;
    return s.at == s.end && to_date(&c, offset, out);
}

static bool take_month(struct scanner *s, int *month)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (int i = 0; i < 12; i++) {
        if (s->end - s->at < 3 || strncasecmp(s->at, names + (ptrdiff_t)3 * i, 3) != 0) continue;
        *month = i + 1;
        s->at += 3;
        while (s->at < s->end && ((*s->at | 32) >= 'a' && (*s->at | 32) <= 'z')) s->at++;
        return true;
    }
    return false;
}

/* Names of zones that RFC 822 knows, and JST; another name counts as UTC. */
static bool take_zone(struct scanner *s, int *offset)
{
    static const struct {
        const char *name;
        int hours;
    } zones[] = {{"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5}, {"MST", -7},
                 {"MDT", -6}, {"PST", -8}, {"PDT", -7}, {"JST", 9}};
    *offset = 0;
    if (s->at == s->end || take_offset(s, offset)) return true;
    const char *start = s->at;
    while (s->at < s->end && ((*s->at | 32) >= 'a' && (*s->at | 32) <= 'z')) s->at++;
    size_t n = (size_t)(s->at - start);
    for (size_t i = 0; i < COUNT_OF(zones); i++)
        if (n == 3 && strncasecmp(start, zones[i].name, 3) == 0) *offset = zones[i].hours * 60;
    return n > 0;
}

bool date_parse_rfc822(struct view text, struct date *out)
{
    struct scanner s = {text.data, text.data + text.n};
    struct calendar c = {0};
    int offset = 0;
    skip_blanks(&s);
    const char *comma = memchr(s.at, ',', (size_t)(s.end - s.at));
    if (comma) s.at = comma + 1; /* the day's name says nothing new */
    skip_blanks(&s);
    if (!take_number(&s, 1, 2, &c.day)) return false;
    while (take_any(&s, " -\t")) {
    }
    if (!take_month(&s, &c.month)) return false;
    while (take_any(&s, " -\t.")) {
    }
    if (!take_number(&s, 2, 4, &c.year)) return false;
    if (c.year < 100) c.year += c.year < 70 ? 2000 : 1900;
    skip_blanks(&s);
    if (!take_number(&s, 1, 2, &c.hour) || !take_any(&s, ":") || !take_number(&s, 2, 2, &c.minute))
        return false;
    if (take_any(&s, ":") && !take_number(&s, 2, 2, &c.second)) return false;
    skip_blanks(&s);
    if (!take_zone(&s, &offset)) return false;
    skip_blanks(&s);
    return s.at == s.end && to_date(&c, offset, out);
}

void date_format(struct date date, char out[40])
{
    int64_t local = date.seconds + (int64_t)date.offset * 60;
    int64_t days = local / 86400, rest = local % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    struct calendar c = {0};
    calendar_of(days, &c);
    int n = snprintf(out, 40, "%04d-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day,
                     (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
    int minutes = date.offset < 0 ? -date.offset : date.offset;
    if (date.offset == 0)
        snprintf(out + n, (size_t)(40 - n), "Z");
    else
        snprintf(out + n, (size_t)(40 - n), "%c%02d:%02d", date.offset < 0 ? '-' : '+',
                 minutes / 60, minutes % 60);
}

struct date date_now(void)
{
    return (struct date){(int64_t)time(NULL), 0};
}
