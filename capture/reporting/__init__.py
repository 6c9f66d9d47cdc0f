"""What a session shows: contact sheet, log, numbers of a pair."""
