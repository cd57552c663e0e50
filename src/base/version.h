// The version of the module, the one that CHANGES begins with.

#pragma once

#define WEBHOOK_VERSION "0.1.0"
