"""Why a pair is unknown, what its pictures show, and what helps."""
