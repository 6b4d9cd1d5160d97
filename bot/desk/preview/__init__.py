"""What stewards and customers see in their chat apps, on one page: `python -m bot.desk.preview OUT_FOLDER`."""
