// The one translation unit that holds Boost.JSON itself, so that no separate library is linked.
#include <boost/json/src.hpp>
