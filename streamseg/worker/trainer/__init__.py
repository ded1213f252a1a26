"""The trainer role: learns the segments and describes them."""
