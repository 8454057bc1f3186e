/* The built-in taxonomy, in index order. */
#include "recap/classifier.h"

#include "base/base.h"

static const char *const genres[] = {
    "ai_data",
    "software_dev",
    "cybersecurity",
    "consumer_tech",
    "internet_platforms",
    "space_astronomy",
    "climate_environment",
    "energy_transition",
    "health_medicine",
    "life_science",
    "economics_macro",
    "markets_finance",
    "startups_innovation",
    "industry_logistics",
    "politics_government",
    "diplomacy_security",
    "law_crime",
    "education",
    "labor_workplace",
    "society_demographics",
    "culture_arts",
    "film_tv",
    "music_audio",
    "sports",
    "food_cuisine",
    "travel_places",
    "home_living",
    "games_esports",
    "mobility_automotive",
    "consumer_products",
};

const char *const *recap_default_taxonomy(size_t *n)
{
    *n = COUNT_OF(genres);
    return genres;
}
