"""`python -m flows.cli` is `lightdeal`."""

import sys

from flows.cli import main

sys.exit(main())
