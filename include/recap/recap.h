/* Everything of librecap; each header stands alone as well. */
#ifndef RECAP_RECAP_H
#define RECAP_RECAP_H

#include "recap/classifier.h"
#include "recap/cluster.h"
#include "recap/context.h"
#include "recap/evidence.h"
#include "recap/model.h"
#include "recap/status.h"
#include "recap/text.h"
#include "recap/tokenizer.h"

#endif
